import { after, isPromise } from '../awaitable.js'
import { ConfigurationError, DecodeError, InvalidEventError } from '../errors.js'
import type { EncryptedFields, EventEnvelope, ReceivedEvent } from '../event/event-model.js'
import type { Awaitable } from '../ports/abortable.js'
import type { EncryptionKey, IKeyStore } from '../ports/key-store.js'
import { isAttributeText } from './attributes.js'
import { isSealed, seal, unseal } from './sealed-value.js'

type Fields = Readonly<Record<string, unknown>>
type Answer = EncryptionKey | 'forgotten' | undefined

/**
 * Encrypts the fields that an event's definition marks, each with the key of the event's subject, and reads them again. What was encrypted
 * is told by the event, not by the definition of whoever reads it.
 */
export class FieldEncryption {
  readonly #keys: IKeyStore | undefined

  constructor(keys: IKeyStore | undefined) {
    this.#keys = keys
  }

  /** The envelope with its marked fields encrypted. Only where its model has some. */
  seal(envelope: EventEnvelope, fields: EncryptedFields): Awaitable<EventEnvelope> {
    const { type, data, metadata } = envelope
    if (this.#keys === undefined) {
      throw new ConfigurationError(
        `Event "${type}" has fields to encrypt, and there is no key store. Give one: { keyStore: new MemoryKeyStore() }, or one of your own.`,
      )
    }
    const subject = fields.subjectOf(data, metadata)
    return after(this.#keys.current(subject), (key) => sealed(envelope, fields.names, key))
  }

  /** The event with its encrypted fields as they were. They read as erased where their key was forgotten, or where there is no key store. */
  open(received: ReceivedEvent, ask: (get: () => Awaitable<Answer>) => Awaitable<Answer> = (get) => get()): Awaitable<ReceivedEvent> {
    const { keyId } = received
    if (keyId === undefined || !isObject(received.data)) return received
    const keys = this.#keys
    if (keys === undefined) return opened(received, received.data, 'forgotten')
    const key = ask(() => keys.get(keyId))
    return isPromise(key) ? key.then((answer) => opened(received, received.data as Fields, answer)) : opened(received, received.data, key)
  }
}

function sealed(envelope: EventEnvelope, names: readonly string[], key: EncryptionKey): EventEnvelope {
  const { type, version, topic, data, metadata, model, event, priority } = envelope
  if (!isAttributeText(key.id) || key.id === '') throw new ConfigurationError('The key store gave a key whose id is no plain text.')
  if (!isObject(data)) throw new InvalidEventError(`Event "${type}" has fields to encrypt, and its data is no object with fields.`)
  const lookalike = Object.keys(data).find((name) => isSealed(data[name]))
  if (lookalike !== undefined)
    throw new InvalidEventError(`The field "${lookalike}" of event "${type}" looks as if it were encrypted already. Give it as it is.`)
  const changed: Record<string, unknown> = { ...data }
  for (const field of names) {
    if (data[field] !== undefined) changed[field] = seal(data[field], key, { eventId: metadata.eventId, type, field })
  }
  return { type, version, topic, metadata, model, event, priority, key: envelope.key, data: changed, keyId: key.id }
}

function opened(received: ReceivedEvent, data: Fields, key: Answer): ReceivedEvent {
  const { type, metadata, keyId } = received
  if (key === undefined) {
    throw new DecodeError(`Event "${type}" ${metadata.eventId} was encrypted with key "${keyId}", which the key store has never had.`)
  }
  const plain: Record<string, unknown> = { ...data }
  const erased: string[] = []
  for (const field of Object.keys(data)) {
    const value = data[field]
    if (!isSealed(value)) continue
    if (key === 'forgotten') {
      plain[field] = null
      erased.push(field)
    } else plain[field] = unseal(value, key, { eventId: metadata.eventId, type, field })
  }
  return { ...received, data: plain, erased: erased.length === 0 ? undefined : erased }
}

function isObject(data: unknown): data is Fields {
  return typeof data === 'object' && data !== null && !Array.isArray(data) && !ArrayBuffer.isView(data)
}
