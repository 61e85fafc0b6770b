import {
  DecodeError,
  EncodeError,
  EventTooLargeError,
  InvalidEventError,
  type RecordedEvent,
  tombstone,
  type WireMessage,
} from '@interline/core'
import type { Row } from '../database/database.js'
import { bytesItem } from '../database/statement.js'

/**
 * What `head` holds of an event, as a JSON list: source, time, topic, key, content type (1 for JSON), correlation id (1 where it is the
 * event's own id, 2 where the column has it), other attributes, and what is unusual of the message.
 */
type Head = [
  source: string,
  time: string | null,
  topic: string,
  key: string | null,
  contentType: string | 1 | null,
  correlation: 0 | 1 | 2,
  attributes?: Record<string, string | null> | null,
  unusual?: Unusual,
]

interface Unusual {
  /** The bytes are UTF-16 text that a text column can't hold: it has a null character, or half a character. */
  readonly text?: true
  readonly destination?: string
  readonly deliverAt?: number
}

/** An event's columns. */
export interface StoredRow {
  readonly id: string
  readonly type: string
  readonly correlationId: string | null
  readonly tenantId: string | null
  readonly aggregateType: string | null
  readonly head: string
  readonly data: string | null
  /** As the item of an array. */
  readonly bytes: string | null
  /** About how much is sent. */
  readonly size: number
}

/** What a message is made of again. */
export interface MessageColumns {
  readonly id: string
  readonly type: string
  readonly correlationId: string | null
  readonly head: string
  readonly data: string | null
  readonly bytes: Uint8Array | null
}

/** The columns that `recordedOf` reads, in its order. */
const columnsOfEvent = 'version, position, recorded_at, forward, id, type, correlation_id, head, data, bytes'
export const storedColumns: string = `stream, ${columnsOfEvent}`
/** The same of one stream, whose name need not come with each of its events. */
export const streamColumns: string = `NULL AS stream, ${columnsOfEvent}`

/** As with the brokers: what is larger belongs in a store of files, with a reference in the event. */
const maxMessageBytes = 16 * 1024 * 1024
/** What an index can hold. */
const maxIndexedBytes = 2_000
const json = 'application/json'
const inHead: ReadonlySet<string> = new Set(['id', 'source', 'type', 'time', 'topic', 'correlationid', 'partitionkey', 'datacontenttype'])
const unfit = /[\0\p{Cs}]/u

/** An event as it is stored. Throws EncodeError, InvalidEventError or EventTooLargeError for what can't be. */
export function storedRow(message: WireMessage): StoredRow {
  const { attributes, data } = message
  const { id = '', type = '', source = '', time = null, correlationid, tenantid = null, aggregatetype = null, datacontenttype } = attributes
  const correlation = correlationid === undefined ? 0 : correlationid === id ? 1 : 2
  for (const name of indexed) {
    const value = attributes[name]
    if (value !== undefined) checkIndexed(id, name, value)
  }
  const { text, bytes } = columnsOf(id, data)
  const head: Head = [
    source,
    time,
    attributes.topic ?? message.topic,
    attributes.partitionkey ?? message.key ?? null,
    datacontenttype === json ? 1 : (datacontenttype ?? null),
    correlation,
  ]
  const others = otherAttributes(attributes)
  const unusual = unusualOf(message, text === null && typeof data === 'string')
  if (unusual !== undefined) head.push(others ?? null, unusual)
  else if (others !== undefined) head.push(others)
  const row = JSON.stringify(head)
  const size = row.length + (text ?? bytes ?? '').length
  if (size - (bytes?.length ?? 0) / 2 > maxMessageBytes) {
    throw new EventTooLargeError(
      `Event "${id}" has about ${size} bytes; a stored event may have ${maxMessageBytes}. Keep what is large elsewhere, and a reference in the event.`,
    )
  }
  return {
    id,
    type,
    correlationId: correlation === 2 ? (correlationid as string) : null,
    tenantId: tenantid,
    aggregateType: aggregatetype,
    head: row,
    data: text,
    bytes,
    size,
  }
}

/** An event as it was appended, from the columns of `storedColumns`, or of `streamColumns` and the stream that they were read of. */
export function recordedOf(row: Row, ofStream?: string): RecordedEvent {
  const stream = (ofStream ?? row[0]) as string
  const version = Number(row[1])
  const recordedAt = Number(row[3])
  const head = row[8] as string
  if (version < 0) return deletionOf(stream, row, recordedAt, Number(head))
  const columns: MessageColumns = {
    id: row[5] as string,
    type: row[6] as string,
    correlationId: row[7] as string | null,
    head,
    data: row[9] as string | null,
    bytes: row[10] as Uint8Array | null,
  }
  const message = messageOf(columns, () => `Version ${version} of stream "${stream}"`)
  return { stream, version, position: String(row[2]), recordedAt, forward: row[4] as boolean, message }
}

/** A message from its columns. `which` names it where it can't be read. */
export function messageOf(columns: MessageColumns, which: () => string): WireMessage {
  const { id, type, data } = columns
  const [source, time, topic, key, contentType, correlation, others, unusual] = headOf(which, columns.head)
  const attributes: Record<string, string> = { specversion: '1.0', id, source, type, topic }
  if (time !== null) attributes.time = time
  if (correlation !== 0) attributes.correlationid = correlation === 1 ? id : (columns.correlationId ?? '')
  if (key !== null) attributes.partitionkey = key
  if (contentType !== null) attributes.datacontenttype = contentType === 1 ? json : contentType
  for (const name in others) {
    const value = others[name]
    if (value === null || value === undefined) delete attributes[name]
    else attributes[name] = value
  }
  const message: WireMessage = {
    destination: unusual?.destination ?? usualDestination(topic),
    topic,
    key: key ?? undefined,
    attributes,
    data: data ?? bytesOf(columns.bytes, unusual),
  }
  return unusual?.deliverAt === undefined ? message : { ...message, deliverAt: unusual.deliverAt }
}

function deletionOf(stream: string, row: Row, recordedAt: number, version: number): RecordedEvent {
  const about = { stream, version, position: String(row[2]), recordedAt, forward: row[4] as boolean }
  return { ...about, message: tombstone(stream, version, recordedAt) }
}

function bytesOf(bytes: Uint8Array | null, unusual: Unusual | undefined): WireMessage['data'] {
  return unusual?.text === true ? Buffer.from(bytes ?? []).toString('utf16le') : (bytes ?? new Uint8Array())
}

/** About how much memory the event of a row takes. */
export function rowSize(row: Row): number {
  const data = (row[9] ?? row[10] ?? '') as string | Uint8Array
  return 500 + data.length
}

const indexed = ['id', 'type', 'correlationid', 'tenantid', 'aggregatetype'] as const

function checkIndexed(id: string, name: string, value: string): void {
  if (unfit.test(value)) {
    throw new InvalidEventError(
      `Attribute "${name}" of event ${JSON.stringify(id.slice(0, 40))} has a null character or half a character in it, and PostgreSQL can't find such text. Use plain text.`,
    )
  }
  if (value.length * 3 > maxIndexedBytes && Buffer.byteLength(value) > maxIndexedBytes) {
    throw new InvalidEventError(
      `Attribute "${name}" of event "${id.slice(0, 40)}" is longer than ${maxIndexedBytes} bytes, which is what an index can hold. Use a shorter one.`,
    )
  }
}

function columnsOf(id: string, data: WireMessage['data']): { readonly text: string | null; readonly bytes: string | null } {
  if (typeof data === 'string') {
    return unfit.test(data) ? { text: null, bytes: bytesItem(Buffer.from(data, 'utf16le')) } : { text: data, bytes: null }
  }
  if (data instanceof Uint8Array) return { text: null, bytes: bytesItem(data) }
  throw new EncodeError(`Event "${id}" is carried by reference, and PostgreSQL keeps text and bytes only. Use a codec that encodes.`)
}

function otherAttributes(attributes: Readonly<Record<string, string>>): Record<string, string | null> | undefined {
  let others: Record<string, string | null> | undefined
  for (const name in attributes) {
    if (inHead.has(name) || (name === 'specversion' && attributes[name] === '1.0')) continue
    others ??= {}
    others[name] = attributes[name] as string
  }
  if (attributes.specversion === undefined) others = { ...others, specversion: null }
  return others
}

function unusualOf({ destination, topic, deliverAt }: WireMessage, text: boolean): Unusual | undefined {
  const elsewhere = destination !== usualDestination(topic)
  if (!text && !elsewhere && deliverAt === undefined) return undefined
  return { ...(text && { text }), ...(elsewhere && { destination }), ...(deliverAt !== undefined && { deliverAt }) }
}

function headOf(which: () => string, text: string): Head {
  try {
    const head: unknown = JSON.parse(text)
    if (Array.isArray(head) && head.length >= 6) return head as Head
  } catch (cause) {
    throw new DecodeError(`${which()} was not written by a store.`, { cause })
  }
  throw new DecodeError(`${which()} was not written by a store.`)
}

function usualDestination(topic: string): string {
  const dot = topic.indexOf('.')
  return dot === -1 ? topic : topic.slice(0, dot)
}
