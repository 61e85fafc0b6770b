import type { PrismaPg } from '@prisma/adapter-pg'
import { type GetPrismaClientConfig, getPrismaClient } from '@prisma/client/runtime/client'

/** What is used of a client; what `prisma generate` makes has the user's models beside it. */
export interface PrismaClient {
  $transaction<T>(run: (transaction: PrismaTransaction) => Promise<T>): Promise<T>
  $queryRawUnsafe<T>(text: string, ...values: unknown[]): Promise<T>
  $disconnect(): Promise<void>
}

export interface PrismaTransaction {
  $queryRawUnsafe<T>(text: string, ...values: unknown[]): Promise<T>
  $executeRawUnsafe(text: string, ...values: unknown[]): Promise<number>
}

const compiler = '@prisma/client/runtime/query_compiler_fast_bg.postgresql'

/** A client without models, made by the library's own runtime as a generated one is: generating would need its command and a download. */
const config: GetPrismaClientConfig = {
  previewFeatures: [],
  clientVersion: '7.10.0',
  engineVersion: '0',
  activeProvider: 'postgresql',
  inlineSchema: 'datasource db { provider = "postgresql" }',
  runtimeDataModel: { models: {}, enums: {}, types: {} },
  parameterizationSchema: { strings: [], graph: 'AAAA' },
  compilerWasm: {
    getRuntime: () => import(`${compiler}.mjs`),
    async getQueryCompilerWasmModule() {
      const { wasm } = (await import(`${compiler}.wasm-base64.mjs`)) as { readonly wasm: string }
      const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: { readonly Module: new (bytes: Buffer) => object } }
      return new WebAssembly.Module(Buffer.from(wasm, 'base64'))
    },
    importName: './query_compiler_fast_bg.js',
  },
}

export const PrismaClient = getPrismaClient(config) as unknown as new (options: { readonly adapter: PrismaPg }) => PrismaClient
