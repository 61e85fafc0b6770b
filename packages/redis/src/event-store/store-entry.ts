import { DecodeError, EncodeError, EventTooLargeError, type RecordedEvent, type WireMessage } from '@interline/core'
import type { ScriptArgument } from '../scripts/script.js'

/**
 * A stored event is an entry of four fields: `position`, `time`, `event` and `data`. Fewer and larger fields than one for each attribute
 * are what makes both appending and reading quick. `event` is a JSON list: id, source, type, time, topic, correlation id (1 where it is
 * the id), key, content type (1 for JSON), other attributes, and what is unusual of the message.
 */
type Head = [
  id: string,
  source: string,
  type: string,
  time: string | null,
  topic: string,
  correlationId: string | 1 | null,
  key: string | null,
  contentType: string | 1 | null,
  attributes?: Record<string, string | null> | null,
  unusual?: Unusual,
]

interface Unusual {
  /** The data is bytes. */
  readonly bytes?: true
  readonly forward?: false
  readonly destination?: string
  readonly deliverAt?: number
}

/** As with the broker: what is larger belongs in a store of files, with a reference in the event. */
const maxMessageBytes = 16 * 1024 * 1024
const json = 'application/json'
const inHead: ReadonlySet<string> = new Set(['id', 'source', 'type', 'time', 'topic', 'correlationid', 'partitionkey', 'datacontenttype'])

export interface StoreEntry {
  readonly event: string
  readonly data: ScriptArgument
}

/** An event as it is stored. Throws EncodeError or EventTooLargeError for what can't be. */
export function entryOf(message: WireMessage, forward: boolean): StoreEntry {
  const { attributes, data } = message
  const { id = '', source = '', type = '', time = null, correlationid, datacontenttype } = attributes
  const head: Head = [
    id,
    source,
    type,
    time,
    attributes.topic ?? message.topic,
    correlationid === id ? 1 : (correlationid ?? null),
    attributes.partitionkey ?? message.key ?? null,
    datacontenttype === json ? 1 : (datacontenttype ?? null),
  ]
  const others = otherAttributes(attributes)
  const unusual = unusualOf(message, forward)
  if (unusual !== undefined) head.push(others ?? null, unusual)
  else if (others !== undefined) head.push(others)
  const event = JSON.stringify(head)
  const bytes = event.length + (data as string | Uint8Array).length
  if (bytes > maxMessageBytes) {
    throw new EventTooLargeError(
      `Event "${id}" has ${bytes} bytes; a stored event may have ${maxMessageBytes}. Keep what is large elsewhere, and a reference in the event.`,
    )
  }
  return { event, data: data instanceof Uint8Array ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : (data as string) }
}

/** `undefined` where the data is bytes, and was read as text: read it again as buffers. */
export function recordedOf(stream: string, version: number, fields: readonly string[]): RecordedEvent | undefined {
  const head = headOf(stream, version, fields[5])
  return head[9]?.bytes === true ? undefined : recorded(stream, version, fields[1], fields[3], head, fields[7] ?? '')
}

export function recordedFromBuffers(stream: string, version: number, fields: readonly Buffer[]): RecordedEvent {
  const head = headOf(stream, version, fields[5]?.toString())
  const data = fields[7] ?? Buffer.alloc(0)
  return recorded(stream, version, fields[1]?.toString(), fields[3]?.toString(), head, head[9]?.bytes === true ? data : data.toString())
}

/** About how much memory a message takes. */
export function sizeOf({ data }: WireMessage): number {
  return 500 + (typeof data === 'string' || data instanceof Uint8Array ? data.length : 0)
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

function unusualOf({ attributes, data, destination, topic, deliverAt }: WireMessage, forward: boolean): Unusual | undefined {
  const bytes = typeof data !== 'string'
  if (bytes && !(data instanceof Uint8Array)) {
    throw new EncodeError(
      `Event "${attributes.id}" is carried by reference, and Redis keeps text and bytes only. Use a codec that encodes.`,
    )
  }
  const elsewhere = destination !== usualDestination(topic)
  if (!bytes && forward && !elsewhere && deliverAt === undefined) return undefined
  return {
    ...(bytes && { bytes }),
    ...(!forward && { forward }),
    ...(elsewhere && { destination }),
    ...(deliverAt !== undefined && { deliverAt }),
  }
}

function headOf(stream: string, version: number, text: string | undefined): Head {
  try {
    const head: unknown = JSON.parse(text ?? '')
    if (Array.isArray(head) && head.length >= 8) return head as Head
  } catch (cause) {
    throw new DecodeError(`Version ${version} of stream "${stream}" was not written by a store.`, { cause })
  }
  throw new DecodeError(`Version ${version} of stream "${stream}" was not written by a store.`)
}

function recorded(
  stream: string,
  version: number,
  position: string | undefined,
  recordedAt: string | undefined,
  [id, source, type, time, topic, correlationId, key, contentType, others, unusual]: Head,
  data: string | Uint8Array,
): RecordedEvent {
  const attributes: Record<string, string> = { specversion: '1.0', id, source, type, topic }
  if (time !== null) attributes.time = time
  if (correlationId !== null) attributes.correlationid = correlationId === 1 ? id : correlationId
  if (key !== null) attributes.partitionkey = key
  if (contentType !== null) attributes.datacontenttype = contentType === 1 ? json : contentType
  for (const name in others) {
    const value = others[name]
    if (value === null || value === undefined) delete attributes[name]
    else attributes[name] = value
  }
  const message = { destination: unusual?.destination ?? usualDestination(topic), topic, key: key ?? undefined, attributes, data }
  return {
    stream,
    version,
    position: position ?? '',
    recordedAt: Number(recordedAt),
    forward: unusual?.forward !== false,
    message: unusual?.deliverAt === undefined ? message : { ...message, deliverAt: unusual.deliverAt },
  }
}

function usualDestination(topic: string): string {
  const dot = topic.indexOf('.')
  return dot === -1 ? topic : topic.slice(0, dot)
}
