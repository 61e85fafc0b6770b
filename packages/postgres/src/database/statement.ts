import { createHash } from 'node:crypto'

export interface Statement {
  readonly text: string
  /** Under which the server may keep it prepared. */
  readonly name?: string | undefined
  /** Several statements, without values. */
  readonly several?: boolean | undefined
}

export type Value = string | number | boolean | null | TextList

/** A list of texts for a parameter of type text[], which each driver is given in the form that it takes quickest. */
export class TextList {
  readonly items: readonly (string | null)[]

  constructor(items: readonly (string | null)[]) {
    this.items = items
  }

  /** As PostgreSQL reads it without parsing: a header, then each text with its length. */
  toBinary(): Buffer {
    const { items } = this
    let size = headerBytes
    let nulls = 0
    for (const item of items) {
      size += lengthBytes
      if (item === null) nulls = 1
      else size += Buffer.byteLength(item)
    }
    const bytes = Buffer.allocUnsafe(size)
    const header = [1, nulls, textType, items.length, 1]
    for (let index = 0; index < header.length; index++) bytes.writeInt32BE(header[index] as number, index * lengthBytes)
    let at = headerBytes
    for (const item of items) {
      const length = item === null ? -1 : bytes.write(item, at + lengthBytes)
      bytes.writeInt32BE(length, at)
      at += lengthBytes + Math.max(0, length)
    }
    return bytes
  }
}

const lengthBytes = 4
const headerBytes = 5 * lengthBytes
/** The number of the type text, the same in every PostgreSQL. */
const textType = 25

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
