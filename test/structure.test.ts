import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importsOf, withoutComments } from './source-text.js'

const root = join(import.meta.dirname, '..')

/** What each package may import from the workspace; its other imports must be declared in its manifest. */
const arrows: Record<string, readonly string[]> = {
  core: [],
  memory: ['@interline/core'],
  nats: ['@interline/core'],
  redis: ['@interline/core'],
  kafka: ['@interline/core'],
  postgres: ['@interline/core'],
  rabbitmq: ['@interline/core'],
  domain: ['@interline/core'],
  telemetry: ['@interline/core'],
  testing: ['@interline/core', '@interline/domain', '@interline/memory'],
  interline: ['@interline/core', '@interline/memory'],
  nestjs: ['interline', '@interline/telemetry', '@interline/testing'],
}
/** `interline` loads these when a configuration names them: by `import()` only, and never as a dependency that users must install. */
const onDemandAdapters = ['kafka', 'nats', 'postgres', 'rabbitmq', 'redis'].map((name) => `@interline/${name}`)
const loadedOnDemand: Record<string, readonly string[]> = { interline: onDemandAdapters }

/** The files that every adapter has. Memory has no message of a vendor to map to. */
const adapters: Record<string, readonly string[]> = {
  memory: [
    'src/index.ts',
    'src/memory-broker.ts',
    'src/memory-options.ts',
    'test/contract.test.ts',
    'test/memory-only.test.ts',
    'README.md',
  ],
  postgres: ['src/index.ts', 'src/postgres-options.ts', 'test/contract.test.ts', 'test/postgres-only.test.ts', 'README.md'],
  nats: [
    'src/index.ts',
    'src/nats-broker.ts',
    'src/nats-options.ts',
    'src/nats-message.ts',
    'test/contract.test.ts',
    'test/nats-only.test.ts',
    'README.md',
  ],
  redis: [
    'src/index.ts',
    'src/redis-broker.ts',
    'src/redis-options.ts',
    'src/redis-message.ts',
    'test/contract.test.ts',
    'test/redis-only.test.ts',
    'README.md',
  ],
  kafka: [
    'src/index.ts',
    'src/kafka-broker.ts',
    'src/kafka-options.ts',
    'src/kafka-message.ts',
    'test/contract.test.ts',
    'test/kafka-only.test.ts',
    'README.md',
  ],
  rabbitmq: [
    'src/index.ts',
    'src/rabbitmq-broker.ts',
    'src/rabbitmq-options.ts',
    'src/rabbitmq-message.ts',
    'test/contract.test.ts',
    'test/rabbitmq-only.test.ts',
    'README.md',
  ],
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly dependencies?: Record<string, string>
  readonly peerDependencies?: Record<string, string>
  readonly peerDependenciesMeta?: Record<string, { readonly optional?: boolean }>
  readonly devDependencies?: Record<string, string>
  readonly [field: string]: unknown
}

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const manifestOf = (folder: string) => JSON.parse(read(`${folder}/package.json`)) as Manifest
const foldersIn = (parent: string) =>
  readdirSync(join(root, parent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, parent, entry.name, 'package.json')))
    .map((entry) => entry.name)

/** Every file below a folder, as paths from the root with `/`, without what tools made. */
function filesBelow(folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  // Not by `recursive`, which would go through every link of every node_modules, to the whole workspace and back.
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isFile()) return [path]
    return entry.isDirectory() && !/^(node_modules|dist|coverage|\..+)$/.test(entry.name) ? filesBelow(path) : []
  })
}

const packages = foldersIn('packages')
const sourcesOf = (folder: string) => filesBelow(`${folder}/src`).filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
const packageNameOf = (specifier: string) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')

describe.each(packages)('packages/%s', (name) => {
  const folder = `packages/${name}`
  const manifest = manifestOf(folder)
  const allowed = arrows[name] ?? []
  const onDemand = loadedOnDemand[name] ?? []

  test('is on the map of arrows', () => {
    expect(Object.keys(arrows)).toContain(name)
  })

  test('imports only what the arrows allow and its manifest declares', () => {
    const declared = new Set([...Object.keys(manifest.dependencies ?? {}), ...Object.keys(manifest.peerDependencies ?? {})])
    const wrong = sourcesOf(folder).flatMap((path) =>
      importsOf(read(path))
        .filter(({ specifier }) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
        .filter(({ specifier, dynamic }) => {
          const imported = packageNameOf(specifier)
          const inWorkspace = imported === 'interline' || imported.startsWith('@interline/')
          if (inWorkspace) return !allowed.includes(imported) && !(dynamic && onDemand.includes(imported))
          return !declared.has(imported)
        })
        .map(({ specifier }) => `${path} imports ${specifier}`),
    )
    expect(wrong).toEqual([])
  })

  test('declares the workspace by workspace:^, and core as a peer where it is an adapter', () => {
    const own = { ...manifest.dependencies, ...manifest.peerDependencies }
    const inWorkspace = Object.entries({ ...own, ...manifest.devDependencies }).filter(([key]) => /^(interline$|@interline\/)/.test(key))
    expect(inWorkspace.filter(([, range]) => range !== 'workspace:^')).toEqual([])
    expect(Object.keys(own).filter((key) => /^(interline$|@interline\/)/.test(key) && ![...allowed, ...onDemand].includes(key))).toEqual([])
    expect(onDemand.filter((key) => manifest.peerDependenciesMeta?.[key]?.optional !== true)).toEqual([])
    if (name in adapters) {
      expect(manifest.dependencies ?? {}).not.toHaveProperty('@interline/core')
      expect(manifest.peerDependencies).toHaveProperty('@interline/core', 'workspace:^')
      expect(manifest.devDependencies).toHaveProperty('@interline/core', 'workspace:^')
    }
  })

  test('is published like the others', () => {
    expect(manifest).toMatchObject({
      version: manifestOf('packages/core').version,
      license: 'MIT',
      type: 'module',
      sideEffects: false,
      engines: { node: '^20.19 || >=22.12' },
      publishConfig: { access: 'public' },
    })
  })

  test('exports by hand-written lists, without default exports and enums', () => {
    const forbidden = {
      'export *': /^\s*export\s*\*/m,
      'a default export': /^\s*export\s+default\b|\bas\s+default\b/m,
      'an enum': /^\s*(export\s+)?(declare\s+)?(const\s+)?enum\s+\w+\s*\{/m,
    }
    const wrong = sourcesOf(folder).flatMap((path) => {
      const text = withoutComments(read(path))
      return Object.entries(forbidden).flatMap(([what, pattern]) => (pattern.test(text) ? [`${path} has ${what}`] : []))
    })
    expect(wrong).toEqual([])
  })
})

test('core depends on nothing at run time', () => {
  const { dependencies, peerDependencies, optionalDependencies } = manifestOf('packages/core')
  expect({ ...dependencies, ...peerDependencies, ...(optionalDependencies as object | undefined) }).toEqual({})
})

test.each(Object.entries(adapters))('the adapter %s has the files that every adapter has', (name, files) => {
  expect(files.filter((path) => !existsSync(join(root, 'packages', name, path)))).toEqual([])
  expect(read(`packages/${name}/test/contract.test.ts`).trimEnd().split('\n').length).toBeLessThanOrEqual(40)
})

test('file names are kebab-case', () => {
  const files = ['packages', 'apps', 'test', 'scripts'].flatMap(filesBelow)
  const special = /^(README|CHANGELOG|LICENSE)(\.md)?$/
  expect(files.length).toBeGreaterThan(packages.length)
  expect(files.filter((path) => !special.test(basename(path)) && !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/.test(basename(path)))).toEqual(
    [],
  )
})

test('the root tsconfig builds every package and app', () => {
  const { references } = JSON.parse(read('tsconfig.json')) as { references: { path: string }[] }
  const expected = [...packages.map((name) => `packages/${name}`), ...foldersIn('apps').map((name) => `apps/${name}`)]
  expect(references.map(({ path }) => path).sort()).toEqual(expected.sort())
})

test('the README says it in 400 words', () => {
  const words = read('README.md')
    .split(/\s+/)
    .filter((word) => /[\p{L}\p{N}]/u.test(word))
  expect(words.length).toBeGreaterThan(0)
  expect(words.length).toBeLessThanOrEqual(400)
})

test('ARCHITECTURE.md is one page and names only paths that exist', () => {
  const text = read('ARCHITECTURE.md')
  const paths = [...text.matchAll(/`([\w.-]+\/[\w./-]*|[\w-]+\.(?:ts|md|json|yaml))`/g)].map(([, path]) => path ?? '')
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(80)
  expect(paths.length).toBeGreaterThan(0)
  expect(paths.filter((path) => !['', 'packages/core/src'].some((base) => existsSync(join(root, base, path))))).toEqual([])
})
