import { access, readFile } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigurationError, toError } from '@interline/core'
import type { BusConfig } from './bus-config.js'
import { checkConfig } from './check-config.js'
import { listed } from './checks.js'

const names = ['interline.config.json', 'interline.config.js', 'interline.config.mjs'] as const

/**
 * A configuration from a file: JSON, or an ES module that exports it by default or as `config`. Without a path, the first of
 * interline.config.json, .js and .mjs in the working directory. Rejects with ConfigurationError where it is missing or wrong.
 */
export async function configFromFile(path?: string): Promise<BusConfig> {
  const file = path === undefined ? await found() : resolve(path)
  const config = extname(file) === '.json' ? await fromJson(file) : await fromModule(file)
  try {
    checkConfig(config)
  } catch (thrown) {
    throw new ConfigurationError(`${file}: ${toError(thrown).message}`, { cause: thrown })
  }
  return config
}

async function found(): Promise<string> {
  for (const name of names) {
    const file = resolve(name)
    if (await exists(file)) return file
  }
  throw new ConfigurationError(
    `${process.cwd()} has no ${listed(names)}. Create one, or say where it is: configFromFile('path/to/config.json').`,
  )
}

async function fromJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((error: Error & { code?: string }) => {
    throw new ConfigurationError(`${file} can't be read (${error.code ?? error.name}). Check the path.`, { cause: error })
  })
  try {
    return JSON.parse(text)
  } catch (thrown) {
    // the parser's message quotes the file, and with it perhaps a password
    const place = /position \d+|line \d+ column \d+/.exec(toError(thrown).message)?.[0]
    throw new ConfigurationError(`${file} is no JSON${place === undefined ? '' : ` (at ${place})`}. Correct it, or use an ES module.`)
  }
}

async function fromModule(file: string): Promise<unknown> {
  if (!(await exists(file))) throw new ConfigurationError(`${file} does not exist. Check the path.`)
  const module = (await import(pathToFileURL(file).href).catch((thrown: unknown) => {
    throw new ConfigurationError(`${file} could not be loaded: ${toError(thrown).message}`, { cause: thrown })
  })) as { readonly default?: unknown; readonly config?: unknown }
  const config = module.default ?? module.config
  if (config === undefined) throw new ConfigurationError(`${file} exports no configuration. Export it by default, or as "config".`)
  return config
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
