import { createHash } from 'node:crypto'

export interface Statement {
  readonly text: string
  /** Under which the server may keep it prepared. */
  readonly name?: string | undefined
  /** Several statements, without values. */
  readonly several?: boolean | undefined
}

export type Value = string | number | boolean | null

/** One that is asked again and again, and may be prepared. */
export function prepared(text: string): Statement {
  return { text, name: `interline_${createHash('sha256').update(text).digest('hex').slice(0, 16)}` }
}

export function plain(text: string): Statement {
  return { text }
}

/** A list of texts as PostgreSQL writes it, so that it can be sent as text whatever the driver makes of arrays. */
export function textArray(items: readonly (string | null)[]): string {
  let list = '{'
  for (let index = 0; index < items.length; index++) {
    const item = items[index] as string | null
    if (index > 0) list += ','
    list += item === null ? 'NULL' : `"${special.test(item) ? item.replace(specials, '\\$&') : item}"`
  }
  return `${list}}`
}

/** A list of numbers or booleans. */
export function plainArray(items: readonly (number | boolean)[]): string {
  return `{${items.join(',')}}`
}

/** Bytes as an item of `textArray` that is cast to bytea. */
export function bytesItem(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`
}

const special = /["\\]/
const specials = /["\\]/g
