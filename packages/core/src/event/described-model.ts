import { InvalidEventError, toError, ValidationError } from '../errors.js'
import type { Awaitable } from '../ports/abortable.js'
import { checkDescription, type EventDescription } from './definition-options.js'
import { noteErased } from './erased.js'
import type { EncryptedFields, EventModel, ReceivedEvent } from './event-model.js'
import type { Fingerprint } from './known-models.js'
import type { EventMetadata } from './metadata.js'
import { type PlainParts, partsOfPlainEvent } from './plain-event.js'
import { EventPriority } from './priority.js'
import { checksAtRunTime, parseWith, type StandardSchema } from './standard-schema.js'
import { UpcastChain } from './upcast.js'

/** What models of values and of classes have in common: everything but the form of the event. */
export abstract class DescribedModel implements EventModel {
  readonly type: string
  readonly version: number
  readonly topic: string
  readonly priority: EventPriority
  readonly keyed: boolean
  readonly validate: ((data: unknown) => Awaitable<void>) | undefined
  readonly encrypted: EncryptedFields | undefined
  readonly fingerprint: Fingerprint
  readonly #schema: StandardSchema | undefined
  readonly #key: ((data: never) => unknown) | undefined
  readonly #upcasts: UpcastChain

  constructor(type: string, description: EventDescription) {
    checkDescription(type, description)
    const { version = 1, topic = type, priority = EventPriority.NORMAL, schema, key, upcast, encrypt, subject } = description
    this.type = type
    this.version = version
    this.topic = topic
    this.priority = priority
    this.keyed = key !== undefined
    this.#key = key
    this.#schema = checksAtRunTime(schema) ? schema : undefined
    this.#upcasts = new UpcastChain(type, version, upcast)
    const checked = this.#schema
    this.validate = checked === undefined ? undefined : (data) => nothingOf(parseWith(checked, data, `event "${type}"`))
    this.encrypted = encrypt === undefined ? undefined : { names: encrypt, subjectOf: subjectOf(type, subject) }
    const details = {
      topic,
      priority,
      schema: this.#schema?.['~standard'].vendor,
      key: key?.toString(),
      upcast: this.#upcasts.versions,
      encrypt,
    }
    this.fingerprint = JSON.stringify(details)
  }

  abstract dataOf(event: object): unknown
  abstract metadataOf(event: object): EventMetadata
  /** The event as a handler gets it, from data that fits. */
  protected abstract build(data: unknown, received: ReceivedEvent): object

  keyOf(data: unknown, metadata: EventMetadata): string | undefined {
    const key = this.#ownKeyOf(data) ?? metadata.aggregateId
    if (typeof key === 'string' || key === undefined) return key === '' ? undefined : key
    if (typeof key === 'number' || typeof key === 'bigint') return String(key)
    throw new InvalidEventError(`The key of event "${this.type}" is of type ${typeof key}. Let its definition's key function give text.`)
  }

  #ownKeyOf(data: unknown): unknown {
    try {
      return this.#key?.(data as never)
    } catch (thrown) {
      const error = toError(thrown)
      throw new InvalidEventError(`The key of event "${this.type}" could not be read from its data: ${error.message}. Check the data.`, {
        cause: error,
      })
    }
  }

  receive(received: ReceivedEvent): Awaitable<object> {
    const data = received.version < this.version ? this.#upcasts.apply(received.data, received.version) : received.data
    if (received.erased !== undefined) return this.#receiveErased(data, received, received.erased)
    if (this.#schema === undefined) return this.build(data, received)
    const output = parseWith(this.#schema, data, `event "${this.type}" ${received.metadata.eventId}`)
    return output instanceof Promise ? output.then((settled) => this.build(settled, received)) : this.build(output, received)
  }

  /** A plain object that names this type is as good as an event made by its definition. */
  protected partsOf(event: object): PlainParts {
    const parts = partsOfPlainEvent(event)
    if (parts.version === undefined || parts.version === this.version) return parts
    throw new InvalidEventError(
      `Event "${this.type}" is defined in version ${this.version}, and the object says ${parts.version}. Publish the current version.`,
    )
  }

  /** What is erased may be null against the schema; what the schema does to the rest happens where it lets that pass. */
  async #receiveErased(data: unknown, received: ReceivedEvent, fields: readonly string[]): Promise<object> {
    let output = data
    try {
      if (this.#schema !== undefined) output = await parseWith(this.#schema, data, `event "${this.type}" ${received.metadata.eventId}`)
    } catch (thrown) {
      if (!(thrown instanceof ValidationError)) throw thrown
    }
    const event = this.build(output, received)
    noteErased(event, fields)
    return event
  }
}

function subjectOf(type: string, of: ((data: never) => string | undefined) | undefined): EncryptedFields['subjectOf'] {
  return (data, metadata) => {
    const subject: unknown = of === undefined ? metadata.aggregateId : of(data as never)
    if (typeof subject === 'string' && subject !== '') return subject
    throw new InvalidEventError(
      `Event "${type}" has fields to encrypt and no subject to encrypt them for. Let subject give text, or give an aggregateId.`,
    )
  }
}

function nothingOf(result: unknown): Awaitable<void> {
  return result instanceof Promise ? result.then(() => undefined) : undefined
}
