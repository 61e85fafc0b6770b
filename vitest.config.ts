import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const root = import.meta.dirname

/** Every package and app is a project of its own name: `vitest run --project redis`. */
const folders = ['packages', 'apps'].flatMap((parent) =>
  readdirSync(join(root, parent))
    .map((name) => ({ name, path: join(root, parent, name) }))
    .filter(({ path }) => existsSync(join(path, 'package.json'))),
)

/** A package whose server has to be started for a run says how. */
const serverOf = (path: string) => {
  const setup = join(path, 'test/global-setup.ts')
  return existsSync(setup) ? { globalSetup: setup } : {}
}

export default defineConfig(({ mode }) => {
  // what takes minutes or many servers is asked for by its mode: `test/x.stress.ts`, `test/x.cluster.ts`, `test/x.more.ts`
  const special = ['stress', 'cluster', 'more'].find((name) => name === mode)
  return {
    // Packages of the workspace resolve to their sources: no build is needed before a test.
    resolve: {
      conditions: ['@interline/source', 'module', 'node', 'development|production'],
      // Where the snippets of a document that the SDK must run import from.
      alias: { '@modules/platform/events': join(root, 'packages/interline/src/index.ts') },
    },
    ssr: { resolve: { conditions: ['@interline/source', 'module', 'node', 'development|production'] } },
    oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
    test: {
      passWithNoTests: true,
      testTimeout: 20_000,
      hookTimeout: 30_000,
      projects: [
        ...(special !== undefined ? [] : [{ extends: true as const, test: { name: 'workspace', root, include: ['test/**/*.test.ts'] } }]),
        ...folders.map(({ name, path }) => ({
          extends: true as const,
          test:
            special !== undefined
              ? { name, root: path, include: [`test/**/*.${special}.ts`], testTimeout: 300_000, ...serverOf(path) }
              : { name, root: path, include: ['src/**/*.test.ts', 'test/**/*.test.ts'], ...serverOf(path) },
        })),
      ],
    },
  }
})
