import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const fallback = 'app'

/** The name in the nearest package.json of a folder or one above, else `app`. */
export function serviceName(folder: string = process.cwd()): string {
  for (let current = folder; ; current = dirname(current)) {
    const name = nameIn(join(current, 'package.json'))
    if (name !== undefined) return name
    if (dirname(current) === current) return fallback
  }
}

function nameIn(file: string): string | undefined {
  try {
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as { readonly name?: unknown } | null
    return typeof manifest?.name === 'string' && manifest.name !== '' ? manifest.name : undefined
  } catch {
    // a manifest that is missing or broken names nothing, which is no reason to refuse a bus
    return undefined
  }
}
