import { ambient, inherited } from '../delivery/context.js'
import { PublishError, toError } from '../errors.js'
import { type Address, toEnvelope } from '../event/envelope.js'
import type { EventEnvelope } from '../event/event-model.js'
import type { MetadataDefaults } from '../event/metadata.js'
import type { AnyEvent } from '../event/targets.js'
import type { Awaitable } from '../ports/abortable.js'
import type { SendingEvent } from '../ports/instrumentation.js'
import type { IKeyStore } from '../ports/key-store.js'
import type { WireMessage } from '../ports/message.js'
import { CloudEventsFormat } from '../wire/cloud-events.js'
import { FieldEncryption } from '../wire/field-encryption.js'
import type { WireFormat } from '../wire/wire-format.js'

/** How messages are made of events. A bus gives its own. */
export interface EventEncoding {
  readonly defaults: MetadataDefaults
  readonly format: WireFormat
  readonly destinationOf: (topic: string, type: string) => string
  /** The keys of encrypted fields. */
  readonly keyStore: IKeyStore | undefined
  /** Tells who watches a bus of what is about to be encoded, which gives it a trace. Left out where nobody does. */
  readonly watched?: ((sending: WatchedEncoding, encode: () => Awaitable<void>) => Awaitable<void>) | undefined
}

export type WatchedEncoding = Pick<SendingEvent, 'destinations' | 'cause'> & { readonly events: readonly EventEnvelope[] }

/** What is not said is as it is without a bus. */
export type GivenEncoding = { readonly [Name in keyof EventEncoding]?: EventEncoding[Name] | undefined }

export function eventEncoding(given: GivenEncoding = {}): EventEncoding {
  return {
    defaults: given.defaults ?? { source: '' },
    format: given.format ?? new CloudEventsFormat(),
    destinationOf: given.destinationOf ?? ((topic) => topic.split('.', 1)[0] as string),
    keyStore: given.keyStore,
    watched: given.watched,
  }
}

export interface EncodeOptions extends Address {
  /** For what the events do not say themselves; wins over the event at hand. */
  readonly metadata?: Partial<MetadataDefaults> | undefined
}

/**
 * Stamps, validates, encrypts and encodes events, all or none: rejects with PublishError, which begins with `refusal` and names the event that is
 * wrong. Inside a handler they belong to the event at hand: its correlation, cause, user, tenant and trace.
 */
export async function encodeEvents(
  events: readonly AnyEvent[],
  { defaults, format, destinationOf, keyStore, watched }: EventEncoding,
  refusal: string,
  { metadata, ...address }: EncodeOptions = {},
): Promise<WireMessage[]> {
  const cause = ambient.getStore()
  const known = { ...(cause === undefined ? defaults : inherited(defaults, cause, watched !== undefined)), ...metadata }
  const encryption = new FieldEncryption(keyStore)
  const each = async <From, To>(list: readonly From[], step: (item: From) => Awaitable<To>): Promise<To[]> => {
    const results: To[] = []
    for (const [index, item] of list.entries()) {
      try {
        results.push(await step(item))
      } catch (thrown) {
        const error = toError(thrown)
        throw new PublishError(`${refusal}: event ${index} is wrong. ${error.message}`, { cause: error, failed: [index] })
      }
    }
    return results
  }
  const envelopes = await each(events, async (event) => {
    const envelope = toEnvelope(event, known, address)
    await envelope.model.validate?.(envelope.data)
    return envelope
  })
  const destinations = await each(envelopes, ({ topic, model }) => destinationOf(topic, model.type))
  const encode = (): Promise<WireMessage[]> =>
    each([...envelopes.entries()], async ([index, envelope]) => {
      const { encrypted } = envelope.model
      const ready = encrypted === undefined ? envelope : await encryption.seal(envelope, encrypted)
      return format.encode(ready, destinations[index] as string)
    })
  if (watched === undefined) return encode()
  let messages: WireMessage[] = []
  await watched({ events: envelopes, destinations, cause: cause?.trace }, async () => {
    messages = await encode()
  })
  return messages
}
