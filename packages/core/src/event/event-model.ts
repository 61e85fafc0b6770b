import type { Awaitable } from '../ports/abortable.js'
import type { EventMetadata } from './metadata.js'
import type { EventPriority } from './priority.js'

/**
 * What the engine knows of a kind of event. Values, classes and plain objects all become one of these at the edge; behind it nobody
 * asks how an event was written.
 */
export interface EventModel {
  readonly type: string
  readonly version: number
  readonly topic: string
  readonly priority: EventPriority
  /** The event's data as it goes on the wire, without envelope fields. */
  dataOf(event: object): unknown
  metadataOf(event: object): EventMetadata
  /** Whether `keyOf` looks at the data; where it does not, nobody need take the data out of the event for it. */
  readonly keyed: boolean
  /** What order is kept by: the definition's `key`, else `aggregateId`, else none. */
  keyOf(data: unknown, metadata: EventMetadata): string | undefined
  /** What of its data is encrypted before it leaves the process, and with whose key. */
  readonly encrypted?: EncryptedFields | undefined
  /** Throws ValidationError when the data does not fit the schema's input. `undefined` where there is no schema. */
  readonly validate: ((data: unknown) => Awaitable<void>) | undefined
  /** Upcasts to the current version, validates and transforms, and builds what a handler gets. */
  receive(received: ReceivedEvent): Awaitable<object>
}

export interface EncryptedFields {
  /** Fields of the data, each as a whole. */
  readonly names: readonly string[]
  /** Throws InvalidEventError where the event has no subject. */
  subjectOf(data: unknown, metadata: EventMetadata): string
}

/** A message after decoding, before anything that only its model knows. */
export interface ReceivedEvent {
  readonly type: string
  readonly version: number
  readonly topic: string
  readonly data: unknown
  readonly metadata: EventMetadata
  /** Names the key that some of its fields are encrypted with. */
  readonly keyId?: string | undefined
  /** Fields whose key is gone: `null` in the data, which nobody can hold against a schema. */
  readonly erased?: readonly string[] | undefined
  /** The event itself and its model, where it never left the process. That model's `receive` may give it as it is. */
  readonly event?: object | undefined
  readonly model?: EventModel | undefined
}

/** An event on its way out, with everything decided; where it stays in the process, it is what arrives as well. */
export interface EventEnvelope extends ReceivedEvent {
  readonly model: EventModel
  readonly event: object
  readonly key: string | undefined
  readonly priority: EventPriority
}
