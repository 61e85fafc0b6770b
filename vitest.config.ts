import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const root = import.meta.dirname

/** Every package and app is a project of its own name: `vitest run --project redis`. */
const folders = ['packages', 'apps'].flatMap((parent) =>
  readdirSync(join(root, parent))
    .map((name) => ({ name, path: join(root, parent, name) }))
    .filter(({ path }) => existsSync(join(path, 'package.json'))),
)

/**
 * A package for several versions of a framework has a folder `test/<version>` with the dependencies of each but the newest: all its tests
 * run with these, too, as `nestjs:nest-11`.
 */
const versionsOf = (path: string) => {
  const tests = join(path, 'test')
  return existsSync(tests) ? readdirSync(tests).filter((version) => existsSync(join(tests, version, 'package.json'))) : []
}

const testsWith = (version: string, name: string, path: string) => {
  const folder = join(path, 'test', version)
  const { devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { readonly devDependencies: object }
  const find = new RegExp(`^(${Object.keys(devDependencies).join('|')})$`)
  return {
    extends: true as const,
    resolve: { alias: [{ find, replacement: join(folder, 'node_modules/$1') }] },
    test: { name: `${name}:${version}`, root: path, include: ['src/**/*.test.ts', 'test/**/*.test.ts'], provide: { version } },
  }
}

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
      alias: { '@modules': join(root, 'packages/interline/test/fixtures/seed-003/modules') },
    },
    ssr: { resolve: { conditions: ['@interline/source', 'module', 'node', 'development|production'] } },
    oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
    test: {
      passWithNoTests: true,
      testTimeout: 20_000,
      hookTimeout: 30_000,
      // most tests wait for a server; what runs for minutes has the machine for itself
      maxWorkers: special === undefined ? Math.max(2, availableParallelism() - 1) : 1,
      projects: [
        ...(special !== undefined ? [] : [{ extends: true as const, test: { name: 'workspace', root, include: ['test/**/*.test.ts'] } }]),
        ...(special !== undefined
          ? []
          : folders.flatMap(({ name, path }) => versionsOf(path).map((version) => testsWith(version, name, path)))),
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
