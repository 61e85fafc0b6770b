import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { waitFor } from '@interline/testing'
import { afterEach, expect, inject, it } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    version?: string
  }
}

const root = join(import.meta.dirname, '../../..')
const own = join(root, 'packages/nestjs')
const version = inject('version')
const nest = version === undefined ? join(own, 'node_modules') : join(own, 'test', version, 'node_modules')

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** A folder as `npm install` leaves it: the built packages, and beside them the Nest of this run. */
async function installed(): Promise<string> {
  expect(existsSync(join(own, 'dist/index.js')), 'the package is built: run `tsc -b` first').toBe(true)
  const folder = await mkdtemp(join(tmpdir(), 'interline-nestjs-'))
  ends.push(() => rm(folder, { recursive: true, force: true }))
  const modules = join(folder, 'node_modules')
  await mkdir(join(modules, '@interline/nestjs'), { recursive: true })
  await mkdir(join(modules, '@types'))
  for (const name of ['@nestjs', 'reflect-metadata', 'rxjs']) await symlink(join(nest, name), join(modules, name))
  await symlink(join(root, 'node_modules/@types/node'), join(modules, '@types/node'))
  await symlink(join(root, 'packages/interline'), join(modules, 'interline'))
  for (const name of ['core', 'telemetry']) await symlink(join(root, 'packages', name), join(modules, '@interline', name))
  for (const name of ['package.json', 'dist']) await cp(join(own, name), join(modules, '@interline/nestjs', name), { recursive: true })
  return folder
}

/** The program as an application of this kind, compiled as Nest's own starter does it. */
async function compiled(folder: string, type: 'module' | 'commonjs'): Promise<string> {
  const source = join(import.meta.dirname, 'fixtures/program')
  for (const name of await readdir(source)) await cp(join(source, name), join(folder, name))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type }))
  const compilerOptions = {
    target: 'ES2022',
    module: 'NodeNext',
    types: ['node'],
    strict: true,
    skipLibCheck: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    rootDir: '.',
    outDir: 'built',
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['shop.ts'] }))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const output = await promisify(execFile)(process.execPath, [tsc, '-p', folder]).then(
    () => '',
    (error: { stdout?: string; message: string }) => error.stdout || error.message,
  )
  expect(output).toBe('')
  return join(folder, 'built/shop.js')
}

function run(program: string): { readonly child: ChildProcess; readonly told: () => readonly string[] } {
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
  ends.push(async () => child.kill('SIGKILL'))
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += String(chunk)))
  return { child, told: () => text.split('\n').filter((line) => line !== '') }
}

it.each(['module', 'commonjs'] as const)('a compiled %s runs, and a signal ends it when its handler has finished', async (type) => {
  const { child, told } = run(await compiled(await installed(), type))
  const ended = once(child, 'exit')
  await waitFor(() => told().length > 0 || child.exitCode !== null, { limitMs: 15_000, what: 'the program to listen' })
  const url = told()[0]?.replace('at ', '')
  const answer = await fetch(`${url}/orders`, { method: 'POST' })
  expect([answer.status, await answer.text()]).toEqual([201, 'true'])
  await waitFor(() => told().length > 1, { what: 'the handler to begin' })
  const health = await fetch(`${url}/api/events/health`)
  expect(await health.json()).toMatchObject({ status: 'pass', checks: { 'memory:unsettled': [{ observedValue: 1 }] } })
  child.kill('SIGTERM')
  expect(await ended).toEqual([null, 'SIGTERM'])
  expect(told().slice(1)).toEqual(['begun o-1', 'saved o-1', 'closed by SIGTERM'])
})
