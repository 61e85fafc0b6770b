import { InvalidEventError } from '../errors.js'
import type { Awaitable } from '../ports/abortable.js'
import { checkDescription, type EventDescription } from './definition-options.js'
import type { EventModel, ReceivedEvent } from './event-model.js'
import type { Fingerprint } from './known-models.js'
import type { EventMetadata } from './metadata.js'
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
  readonly fingerprint: Fingerprint
  readonly #schema: StandardSchema | undefined
  readonly #key: ((data: never) => unknown) | undefined
  readonly #upcasts: UpcastChain

  constructor(type: string, description: EventDescription) {
    checkDescription(type, description)
    const { version = 1, topic = type, priority = EventPriority.NORMAL, schema, key, upcast } = description
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
    const details = { topic, priority, schema: this.#schema?.['~standard'].vendor, key: key?.toString(), upcast: this.#upcasts.versions }
    this.fingerprint = JSON.stringify(details)
  }

  abstract dataOf(event: object): unknown
  abstract metadataOf(event: object): EventMetadata
  /** The event as a handler gets it, from data that fits. */
  protected abstract build(data: unknown, received: ReceivedEvent): object

  keyOf(data: unknown, metadata: EventMetadata): string | undefined {
    const key = this.#key?.(data as never) ?? metadata.aggregateId
    if (typeof key === 'string' || key === undefined) return key === '' ? undefined : key
    if (typeof key === 'number' || typeof key === 'bigint') return String(key)
    throw new InvalidEventError(`The key of event "${this.type}" is of type ${typeof key}. Let its definition's key function give text.`)
  }

  receive(received: ReceivedEvent): Awaitable<object> {
    const data = received.version < this.version ? this.#upcasts.apply(received.data, received.version) : received.data
    if (this.#schema === undefined) return this.build(data, received)
    const output = parseWith(this.#schema, data, `event "${this.type}" ${received.metadata.eventId}`)
    return output instanceof Promise ? output.then((settled) => this.build(settled, received)) : this.build(output, received)
  }
}

function nothingOf(result: unknown): Awaitable<void> {
  return result instanceof Promise ? result.then(() => undefined) : undefined
}
