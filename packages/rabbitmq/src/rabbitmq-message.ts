import { DecodeError, EncodeError, readAttributes, type WireMessage, writeAttributes } from '@interline/core'
import type { ConsumeMessage, MessageProperties, Options } from 'amqplib'

/** What `retry`, a redrive or a hand-back stored. */
export const progressHeader = 'interline-progress'
/** Names this sending of the message; a second sending has another. */
export const entryHeader = 'interline-entry'
/** The name of the first sending, kept over retries. */
export const refHeader = 'interline-ref'
/** The hash of the key, modulo the partitions. */
export const partitionHeader = 'interline-partition'
/** The exchange that a message is for, at the exchange that routes by it. */
export const addressHeader = 'interline-to'
/** Set where it is no fault that nobody wants a message once it is due. */
export const optionalHeader = 'interline-optional'
/** Was in the hands of a process that died. */
export const suspectHeader = 'interline-suspect'
/** Set where the routing key is no longer the topic: once a message was sent on by a consumer. */
const topicHeader = 'interline-topic'
/** Marks data that is bytes, so that bytes which happen to be text come back as bytes. */
const bytesHeader = 'interline-bytes'
const delayHeader = /^interline-delay-/

export type Headers = Record<string, unknown>

export interface EncodedMessage {
  readonly content: string | Buffer
  readonly properties: Options.Publish
  readonly headers: Headers
  /** Persistent, and no other properties than the id and the content type. */
  readonly plain: boolean
}

export interface DecodedMessage {
  readonly message: WireMessage
  /** The name of the first sending; a foreign message has none. */
  readonly ref: string | undefined
  readonly progress: string | undefined
  readonly undecodable: Error | undefined
}

/** An event in CloudEvents' binary mode for AMQP. Throws EncodeError for what can't be a message. */
export function encodeMessage(message: WireMessage): EncodedMessage {
  const { attributes, data, key, topic, target } = message
  for (const name in attributes) {
    if (!/^[a-z0-9]+$/.test(name)) throw new EncodeError(`Attribute "${name}" must be named with a-z and 0-9 only.`)
    if (typeof attributes[name] !== 'string')
      throw new EncodeError(`Attribute "${name}" must be text, and is a ${typeof attributes[name]}.`)
  }
  const headers: Headers = writeAttributes(attributes, 'cloudEvents_')
  if (key !== undefined && attributes.partitionkey === undefined) headers.cloudEvents_partitionkey = key
  // the routing key says it, and every header costs the server a microsecond
  if (attributes.topic === topic) headers.cloudEvents_topic = undefined
  if (target?.progress !== undefined) headers[progressHeader] = target.progress
  if (data instanceof Uint8Array) headers[bytesHeader] = '1'
  const { id, datacontenttype } = attributes
  const properties: Options.Publish = { persistent: true }
  if (id !== undefined) properties.messageId = id
  if (datacontenttype !== undefined) properties.contentType = datacontenttype
  return { content: contentOf(message), properties, headers, plain: true }
}

function contentOf({ data }: WireMessage): string | Buffer {
  if (typeof data === 'string') return data
  if (data instanceof Uint8Array) return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  throw new EncodeError('RabbitMQ carries text and bytes only, not objects by reference. Use a codec that encodes.')
}

/** Reads a message of ours or of any CloudEvents client; the routing key is the topic of one that names none. */
export function decodeMessage(destination: string, { content, properties, fields }: ConsumeMessage): DecodedMessage {
  const headers = (properties.headers ?? {}) as Headers
  const attributes = readAttributes(headers, textOfHeader)
  const contentType = textOfHeader(properties.contentType)
  if (contentType !== undefined) attributes.datacontenttype = contentType
  const structured = /^application\/cloudevents/i.test(contentType ?? '')
  const recognised = structured || (attributes.id !== undefined && attributes.type !== undefined)
  const topic = attributes.topic ?? textOfHeader(headers[topicHeader]) ?? fields.routingKey
  const ref = textOfHeader(headers[refHeader] ?? headers[entryHeader])
  if (ref !== undefined) attributes.topic = topic
  const message: WireMessage = {
    destination,
    topic,
    key: attributes.partitionkey,
    attributes,
    data: !recognised || headers[bytesHeader] !== undefined ? content : (textOf(content) ?? content),
  }
  const undecodable = recognised
    ? undefined
    : new DecodeError(
        'The message is not a CloudEvent: it has neither the headers cloudEvents_id and cloudEvents_type nor a structured event as its body.',
      )
  return {
    message,
    ref,
    progress: textOfHeader(headers[progressHeader]),
    undecodable,
  }
}

/**
 * The same message once more, with other headers of ours. What the server noted on its way (`x-death` and its like) is left out: brokers
 * take a message that was here before for one that goes in circles.
 */
export function messageAgain({ content, properties, fields }: ConsumeMessage, ref: string, changes: Headers): EncodedMessage {
  const { contentType, contentEncoding, messageId, type, appId, correlationId, timestamp } = properties as MessageProperties
  const headers: Headers = {}
  for (const [name, value] of Object.entries((properties.headers ?? {}) as Headers)) {
    if (name.startsWith('x-') || delayHeader.test(name) || ours.has(name)) continue
    headers[name] = value
  }
  headers[topicHeader] ??= fields.routingKey
  headers[refHeader] = ref
  for (const [name, value] of Object.entries(changes)) if (value !== undefined) headers[name] = value
  const kept = { contentType, contentEncoding, messageId, type, appId, correlationId, timestamp }
  const properties_ = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined))
  return { content, properties: { persistent: true, ...properties_ }, headers, plain: false }
}

const ours: ReadonlySet<string> = new Set([entryHeader, addressHeader, optionalHeader, suspectHeader, progressHeader])

/** Which queue of a group a key belongs to: FNV-1a (32 bits, over UTF-8) modulo the partitions. */
export function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash >>> 0) % partitions
}

/** AMQP headers have types; attributes are text. Tables and lists are no attribute. */
function textOfHeader(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return textOf(value)
  return isTimestamp(value) ? new Date(value.value * 1_000).toISOString() : undefined
}

function isTimestamp(value: unknown): value is { readonly value: number } {
  return typeof value === 'object' && value !== null && (value as { readonly '!'?: unknown })['!'] === 'timestamp'
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
