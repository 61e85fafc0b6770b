import { DecodeError, EncodeError, type WireMessage } from '@interline/core'
import type { IncomingRecord, OutgoingRecord } from './drivers/driver.js'

/** What a record holds. */
export interface DecodedRecord {
  readonly message: WireMessage
  /** The name of the record that a retry came from. */
  readonly ref: string | undefined
  readonly progress: string | undefined
  /** Milliseconds since 1970 before which nobody may see it. */
  readonly dueAt: number
  /** The name of the hold that another process has on it. */
  readonly hold: string | undefined
  /** The hold that has ended; then there is no message. */
  readonly done: string | undefined
  readonly undecodable: Error | undefined
}

export type Headers = Record<string, string | Buffer>

const attributePrefix = 'ce_'
const contentTypeHeader = 'content-type'
/** Marks data that is bytes, so that bytes which happen to be text come back as bytes. */
const bytesHeader = 'interline-bytes'
/** What `retry` or a redrive stored. */
export const progressHeader = 'interline-progress'
/** The name of the first record, kept over retries. */
export const refHeader = 'interline-ref'
export const dueHeader = 'interline-due'
/** Run by the process that wrote it, until it is due; and that it is finished. */
export const holdHeader = 'interline-hold'
export const doneHeader = 'interline-done'

/** The event in CloudEvents binary mode. Throws EncodeError for what can't be a record. */
export function encodeRecord(topic: string, message: WireMessage): OutgoingRecord {
  const headers: Headers = {}
  const { attributes, data } = message
  for (const name in attributes) {
    const value = attributes[name]
    if (value === undefined) continue
    if (typeof value !== 'string') throw new EncodeError(`Attribute "${name}" must be text, and is a ${typeof value}.`)
    if (!/^[a-z0-9]+$/.test(name)) throw new EncodeError(`Attribute "${name}" must be named with a-z and 0-9 only.`)
    headers[name === 'datacontenttype' ? contentTypeHeader : `${attributePrefix}${name}`] = value
  }
  if (message.key !== undefined) headers[`${attributePrefix}partitionkey`] ??= message.key
  headers[`${attributePrefix}topic`] ??= message.topic
  if (message.target?.progress !== undefined) headers[progressHeader] = message.target.progress
  if (message.deliverAt !== undefined) headers[dueHeader] = String(Math.ceil(message.deliverAt))
  if (typeof data === 'string') return { topic, key: message.key ?? null, value: data, headers }
  if (!(data instanceof Uint8Array)) {
    throw new EncodeError('Kafka carries text and bytes only, not objects by reference. Use a codec that encodes.')
  }
  headers[bytesHeader] = '1'
  return { topic, key: message.key ?? null, value: Buffer.from(data.buffer, data.byteOffset, data.byteLength), headers }
}

/** Reads a record of ours or of anybody. What is no CloudEvent is `undecodable`, with its raw bytes as data. */
export function decodeRecord(destination: string, record: IncomingRecord): DecodedRecord {
  const attributes: Record<string, string> = {}
  let progress: string | undefined
  let ref: string | undefined
  let dueAt = 0
  let hold: string | undefined
  let done: string | undefined
  let isBytes = false
  let broken: string | undefined
  // own ones only: a foreign header may be called __proto__
  for (const name of Object.keys(record.headers)) {
    const value = firstOf(record.headers[name])
    if (value === undefined) continue
    const text = textOf(value)
    const attribute = attributeOf(name)
    if (attribute !== undefined) {
      if (text === undefined) broken = `Header "${name}" is not UTF-8.`
      else attributes[attribute] = text
    } else if (text === undefined) {
    } else if (name === progressHeader) progress = text
    else if (name === refHeader) ref = text
    else if (name === dueHeader) dueAt = Number(text) || 0
    else if (name === holdHeader) hold = text
    else if (name === doneHeader) done = text
    else if (name === bytesHeader) isBytes = true
  }
  const isStructured = /^application\/cloudevents/i.test(attributes.datacontenttype ?? '')
  const isRecognised = isStructured ? record.value !== null : attributes.id !== undefined && attributes.type !== undefined
  const key = attributes.partitionkey ?? (record.key === null ? undefined : (textOf(record.key) ?? record.key.toString('base64')))
  const message: WireMessage = {
    destination,
    topic: attributes.topic ?? destination,
    key,
    attributes,
    data: isRecognised ? dataOf(record.value, isBytes) : rawBytes(record),
  }
  const why = broken ?? (isRecognised ? undefined : notAnEvent(record))
  return { message, ref, progress, dueAt, hold, done, undecodable: why === undefined ? undefined : new DecodeError(why) }
}

/** The headers of a record as they were, to be written again with others. */
export function headersOf(record: IncomingRecord): Headers {
  const headers = Object.create(null) as Headers
  for (const name of Object.keys(record.headers)) {
    const value = firstOf(record.headers[name])
    if (value !== undefined) headers[name] = value
  }
  return headers
}

function attributeOf(header: string): string | undefined {
  if (header.startsWith(attributePrefix)) {
    const name = header.slice(attributePrefix.length)
    return /^[a-z0-9]+$/.test(name) ? (name === 'datacontenttype' ? undefined : name) : undefined
  }
  return header.toLowerCase() === contentTypeHeader ? 'datacontenttype' : undefined
}

/** A header may be there more than once; the first one counts. kafkajs adds what objects have by themselves to one of such a name. */
function firstOf(value: IncomingRecord['headers'][string]): Buffer | undefined {
  const list = (Array.isArray(value) ? value : [value]) as readonly unknown[]
  const one = list.find((each) => Buffer.isBuffer(each) || typeof each === 'string') as Buffer | string | undefined
  return typeof one === 'string' ? Buffer.from(one) : one
}

function dataOf(value: Buffer | null, isBytes: boolean): string | Uint8Array {
  if (value === null) return ''
  return isBytes ? value : (textOf(value) ?? value)
}

function notAnEvent({ value }: IncomingRecord): string {
  const what = value === null ? 'The record has no value and' : 'The record'
  return `${what} is not a CloudEvent: it has neither the headers ce_id and ce_type nor a structured event as its value.`
}

/** The value as it came; of a record that has none, its key and headers as JSON. */
function rawBytes({ value, key, headers }: IncomingRecord): Uint8Array {
  if (value !== null) return value
  const readable = (bytes: Buffer | undefined): unknown =>
    bytes === undefined ? null : (textOf(bytes) ?? { base64: bytes.toString('base64') })
  const pairs = Object.entries(headers).map(([name, each]) => [name, readable(firstOf(each))])
  return Buffer.from(JSON.stringify({ key: readable(key ?? undefined), headers: Object.fromEntries(pairs), value: null }))
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
