import { DecodeError, EncodeError, type WireMessage } from '@interline/core'

/** An event as fields of a stream entry: CloudEvents binary mode. Names and values have the same length. */
export interface EntryFields {
  readonly names: readonly string[]
  readonly values: readonly (string | Buffer)[]
}

/** What an entry holds. */
export interface DecodedEntry {
  readonly message: WireMessage
  /** The name of the entry that a retry came from. */
  readonly ref: string | undefined
  readonly progress: string | undefined
  readonly undecodable: Error | undefined
}

const attributePrefix = 'ce_'
const contentTypeField = 'content-type'
const dataField = 'data'
/** Marks data that is bytes, so that bytes which happen to be text come back as bytes. */
const bytesField = 'interline-bytes'
/** What `retry` or a redrive stored. */
export const progressField = 'interline-progress'
/** The name of the first entry, kept over retries. */
export const refField = 'interline-ref'

/** Lua passes on fewer than 8,000 values at once, which are names and values; a retry adds two fields. */
const maxFields = 3_900
const retryFields = 2

const fieldOf = names((attribute) => {
  if (!/^[a-z0-9]+$/.test(attribute)) throw new EncodeError(`Attribute "${attribute}" must be named with a-z and 0-9 only.`)
  return attribute === 'datacontenttype' ? contentTypeField : `${attributePrefix}${attribute}`
})
const attributeOf = names((field) => (field === contentTypeField ? 'datacontenttype' : (/^ce_([a-z0-9]+)$/.exec(field)?.[1] ?? '')))

/** Throws EncodeError for what can't be an entry. */
export function encodeEntry(message: WireMessage): EntryFields {
  const fieldNames: string[] = []
  const values: (string | Buffer)[] = []
  const { attributes, data } = message
  for (const name in attributes) {
    const value = attributes[name]
    if (value === undefined) continue
    if (typeof value !== 'string') throw new EncodeError(`Attribute "${name}" must be text, and is a ${typeof value}.`)
    fieldNames.push(fieldOf(name))
    values.push(value)
  }
  if (message.key !== undefined && attributes.partitionkey === undefined) {
    fieldNames.push(fieldOf('partitionkey'))
    values.push(message.key)
  }
  if (attributes.topic === undefined) {
    fieldNames.push(fieldOf('topic'))
    values.push(message.topic)
  }
  if (message.target?.progress !== undefined) {
    fieldNames.push(progressField)
    values.push(message.target.progress)
  }
  if (typeof data === 'string') {
    fieldNames.push(dataField)
    values.push(data)
  } else if (data instanceof Uint8Array) {
    fieldNames.push(bytesField, dataField)
    values.push('1', Buffer.from(data.buffer, data.byteOffset, data.byteLength))
  } else {
    throw new EncodeError('Redis carries text and bytes only, not objects by reference. Use a codec that encodes.')
  }
  if (fieldNames.length > maxFields) {
    throw new EncodeError(
      `It has ${fieldNames.length} fields, and a stream entry may have ${maxFields} of them. Move attributes into the data.`,
    )
  }
  return { names: fieldNames, values }
}

/** An entry's fields as text. */
export interface TextFields {
  readonly names: readonly string[]
  readonly values: readonly string[]
}

/** Fields as Redis lists them, each name before its value. */
export function textFields(list: readonly string[]): TextFields {
  const fieldNames: string[] = []
  const values: string[] = []
  for (let index = 0; index + 1 < list.length; index += 2) {
    fieldNames.push(list[index] as string)
    values.push(list[index + 1] as string)
  }
  return { names: fieldNames, values }
}

/**
 * Reads an entry's fields, given as text. `undefined` when they may hold what is not UTF-8 or was published as bytes: read the
 * entry again as buffers, and give them to `decodeBuffers`.
 */
export function decodeEntry(destination: string, { names: fieldNames, values }: TextFields): DecodedEntry | undefined {
  const attributes: Record<string, string> = {}
  let data: string | undefined
  let progress: string | undefined
  let ref: string | undefined
  for (let index = 0; index < values.length; index++) {
    const name = fieldNames[index] as string
    const value = values[index] as string
    if (value.includes('\uFFFD')) return undefined
    if (name === dataField) data = value
    else if (name === progressField) progress = value
    else if (name === refField) ref = value
    else if (name === bytesField) return undefined
    else {
      const attribute = attributeOf(name)
      if (attribute !== '') attributes[attribute] = value
    }
  }
  const { message, undecodable } = finish(destination, attributes, data, fieldNames, values)
  return { message, undecodable, progress, ref }
}

/** The slow way, for what is bytes or broken. */
export function decodeBuffers(destination: string, fields: readonly Buffer[]): DecodedEntry {
  const attributes: Record<string, string> = {}
  let data: string | Uint8Array | undefined
  let progress: string | undefined
  let ref: string | undefined
  let bytes = false
  let broken: string | undefined
  const fieldNames: Buffer[] = []
  const values: Buffer[] = []
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = (fields[index] as Buffer).toString()
    const value = fields[index + 1] as Buffer
    fieldNames.push(fields[index] as Buffer)
    values.push(value)
    if (name === dataField) data = value
    else if (name === progressField) progress = value.toString()
    else if (name === refField) ref = value.toString()
    else if (name === bytesField) bytes = true
    else {
      const attribute = attributeOf(name)
      if (attribute === '') continue
      const text = textOf(value)
      if (text === undefined) broken = `Field "${name}" is not UTF-8.`
      else attributes[attribute] = text
    }
  }
  if (data !== undefined && !bytes) data = textOf(data as Buffer) ?? data
  const entry = { ...finish(destination, attributes, data, fieldNames, values), progress, ref }
  return broken === undefined ? entry : { ...entry, undecodable: new DecodeError(broken) }
}

function finish(
  destination: string,
  attributes: Record<string, string>,
  data: string | Uint8Array | undefined,
  fieldNames: readonly (string | Buffer)[],
  values: readonly (string | Buffer)[],
): Pick<DecodedEntry, 'message' | 'undecodable'> {
  const structured = /^application\/cloudevents/i.test(attributes.datacontenttype ?? '')
  if (values.length > maxFields + retryFields) {
    const undecodable = new DecodeError(`The entry has ${values.length} fields, and ${maxFields} can be passed on.`)
    const strange = { destination, topic: destination, key: undefined, attributes: {}, data: rawBytes(undefined, fieldNames, values) }
    return { message: strange, undecodable }
  }
  const recognised = structured ? data !== undefined : attributes.id !== undefined && attributes.type !== undefined
  const message: WireMessage = {
    destination,
    topic: attributes.topic ?? destination,
    key: attributes.partitionkey,
    attributes,
    data: recognised ? (data ?? '') : rawBytes(data, fieldNames, values),
  }
  const undecodable = recognised
    ? undefined
    : new DecodeError('The entry is not a CloudEvent: it has neither the fields ce_id and ce_type nor a structured event in "data".')
  return { message, undecodable }
}

/** The `data` field as it was stored; of an entry that has none, all fields as JSON pairs, in base64 where they are not text. */
function rawBytes(
  data: string | Uint8Array | undefined,
  fieldNames: readonly (string | Buffer)[],
  values: readonly (string | Buffer)[],
): Uint8Array {
  if (data !== undefined) return Buffer.from(data as string)
  const readable = (value: string | Buffer | undefined): unknown =>
    typeof value === 'object' ? (textOf(value) ?? { base64: value.toString('base64') }) : value
  const pairs = values.map((value, index) => [readable(fieldNames[index]), readable(value)])
  return Buffer.from(JSON.stringify(pairs))
}

const strictText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strictText.decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/** Remembers the names seen, which are few; strangers' names beyond a bound are made anew each time. */
function names(make: (name: string) => string): (name: string) => string {
  const known = new Map<string, string>()
  return (name) => {
    let result = known.get(name)
    if (result === undefined) {
      result = make(name)
      if (known.size < 500) known.set(name, result)
    }
    return result
  }
}
