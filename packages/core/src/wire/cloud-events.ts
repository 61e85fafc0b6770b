import { DecodeError, EncodeError } from '../errors.js'
import type { EventEnvelope, ReceivedEvent } from '../event/event-model.js'
import { arrivedMetadata } from '../event/metadata.js'
import type { ICodec } from '../ports/codec.js'
import type { WireData, WireMessage } from '../ports/message.js'
import { attributesOf } from './attributes.js'
import { decodeUtf8, jsonCodec } from './json-codec.js'
import { readStructured } from './structured.js'
import type { WireFormat } from './wire-format.js'

export interface CloudEventsOptions {
  /** Names this bus instance in the attribute `origin`, so that it can tell its own echo. */
  readonly origin?: string | undefined
}

const octets = 'application/octet-stream'
const jsonType = /^[^;]*[/+]json\s*(;|$)/i
const textType = /^text\//i
const timestamp = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/
const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-|$)/

/** CloudEvents 1.0, binary content mode; structured messages are read too. Whatever the brokers are, this is what travels. */
export class CloudEventsFormat implements WireFormat {
  readonly #codec: ICodec
  readonly #origin: string | undefined

  constructor(codec: ICodec = jsonCodec, options: CloudEventsOptions = {}) {
    this.#codec = codec
    this.#origin = options.origin
  }

  encode(envelope: EventEnvelope, destination: string): WireMessage {
    const attributes = attributesOf(envelope)
    if (this.#origin !== undefined) attributes.origin = this.#origin
    const data = this.#encodeData(envelope, attributes)
    return { destination, topic: envelope.topic, key: envelope.key, attributes, data }
  }

  decode(message: WireMessage): ReceivedEvent {
    const { attributes, data, topic } = readStructured(message)
    const id = required(attributes, 'id')
    const source = required(attributes, 'source')
    const type = required(attributes, 'type')
    const version = required(attributes, 'specversion')
    if (version !== '1.0') throw new DecodeError(`Message "${id}" has the CloudEvents version "${version}". Only 1.0 can be read.`)
    const trace = traceOf(attributes)
    return {
      type,
      version: dataVersion(attributes, id),
      topic,
      data: this.#decodeData(attributes.datacontenttype, data, id),
      keyId: attributes.keyid,
      metadata: arrivedMetadata({
        eventId: id,
        timestamp: timeOf(attributes, id),
        correlationId: attributes.correlationid ?? id,
        source,
        causationId: attributes.causationid,
        userId: attributes.userid,
        environment: attributes.environment,
        tenantId: attributes.tenantid,
        idempotencyKey: attributes.idempotencykey,
        aggregateId: attributes.aggregateid,
        aggregateType: attributes.aggregatetype,
        traceparent: trace,
        tracestate: trace === undefined ? undefined : attributes.tracestate,
      }),
    }
  }

  #encodeData(envelope: EventEnvelope, attributes: Record<string, string>): string | Uint8Array {
    const { data } = envelope
    if (data === undefined) return ''
    if (data instanceof Uint8Array) {
      attributes.datacontenttype = octets
      return data
    }
    attributes.datacontenttype = this.#codec.contentType
    try {
      return this.#codec.encode(data)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new EncodeError(`Event "${envelope.model.type}" can't be encoded: ${reason}`, { cause })
    }
  }

  #decodeData(contentType: string | undefined, data: WireData, id: string): unknown {
    if (typeof data === 'object' && 'reference' in data) {
      throw new DecodeError(`Message "${id}" carries its event by reference. Both sides of a broker need the same codec.`)
    }
    if (data.length === 0 && (contentType === undefined || contentType === octets))
      return contentType === undefined ? undefined : new Uint8Array()
    try {
      return this.#decodeAs(contentType ?? jsonCodec.contentType, data)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new DecodeError(`The data of message "${id}" can't be read as ${contentType ?? jsonCodec.contentType}: ${reason}`, { cause })
    }
  }

  /** Data of a kind that nobody here reads is given as it came. */
  #decodeAs(contentType: string, data: string | Uint8Array): unknown {
    if (contentType === this.#codec.contentType) return this.#codec.decode(data)
    if (jsonType.test(contentType)) return jsonCodec.decode(data)
    if (contentType === octets) return typeof data === 'string' ? new TextEncoder().encode(data) : data
    return textType.test(contentType) && typeof data !== 'string' ? decodeUtf8(data) : data
  }
}

function required(attributes: Readonly<Record<string, string>>, name: string): string {
  const value = attributes[name]
  if (typeof value === 'string' && value !== '') return value
  throw new DecodeError(`The message is no CloudEvent: it has no attribute "${name}".`)
}

function dataVersion(attributes: Readonly<Record<string, string>>, id: string): number {
  const value = attributes.dataversion
  if (value === undefined) return 1
  const version = /^[1-9]\d{0,9}$/.test(value) ? Number(value) : 0
  if (version >= 1 && version <= 0x7fffffff) return version
  throw new DecodeError(`Message "${id}" has the dataversion "${value}", which is no whole number from 1.`)
}

function timeOf(attributes: Readonly<Record<string, string>>, id: string): Date {
  const value = attributes.time
  if (value === undefined) return new Date()
  const time = new Date(value)
  if (timestamp.test(value) && !Number.isNaN(time.getTime())) return time
  throw new DecodeError(`Message "${id}" has the time "${value}", which is no RFC 3339 timestamp.`)
}

/** A bad traceparent is ignored, as the standard asks. */
function traceOf(attributes: Readonly<Record<string, string>>): string | undefined {
  const value = attributes.traceparent
  return value !== undefined && traceparent.test(value) ? value : undefined
}
