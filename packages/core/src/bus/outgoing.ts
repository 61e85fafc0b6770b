import { isPromise } from '../awaitable.js'
import { type Ambient, inherited } from '../delivery/context.js'
import { isDelay } from '../delivery/verdict.js'
import { ConfigurationError, InvalidEventError, PublishError, toError } from '../errors.js'
import { toEnvelope } from '../event/envelope.js'
import type { EventEnvelope } from '../event/event-model.js'
import type { MetadataDefaults } from '../event/metadata.js'
import type { AnyEvent } from '../event/targets.js'
import type { Awaitable } from '../ports/abortable.js'
import type { IClock } from '../ports/clock.js'
import type { FieldEncryption } from '../wire/field-encryption.js'
import type { PublishOptions } from './publish-options.js'

export interface OutgoingSettings {
  readonly defaults: MetadataDefaults
  readonly encryption: FieldEncryption
  readonly clock: IClock
  /** Somebody watches what is sent, and its trace is stamped after this. */
  readonly watched: boolean
}

/** Makes ready what is published: stamped with what belongs to the event at hand, validated, its marked fields encrypted. */
export class Outgoing {
  readonly #settings: OutgoingSettings

  constructor(settings: OutgoingSettings) {
    this.#settings = settings
  }

  /** At once, where nothing of it has to be waited for. */
  ready(event: AnyEvent, options: PublishOptions | undefined, cause: Ambient | undefined): Awaitable<EventEnvelope> {
    const { defaults, encryption } = this.#settings
    if (options !== undefined) checkPublishOptions(options)
    const envelope = toEnvelope(event, cause === undefined ? defaults : inherited(defaults, cause, this.#settings.watched), options)
    const { model } = envelope
    const valid = model.validate?.(envelope.data)
    if (isPromise(valid)) return this.#readyAfter(valid, envelope)
    return model.encrypted === undefined ? envelope : encryption.seal(envelope, model.encrypted)
  }

  /** All of a batch, or none: rejects with PublishError that names the one that is wrong. */
  async allReady(events: readonly AnyEvent[], options: PublishOptions, cause: Ambient | undefined): Promise<readonly EventEnvelope[]> {
    if (!Array.isArray(events)) throw new InvalidEventError('publishBatch takes a list of events. Use publish for one.')
    const envelopes: EventEnvelope[] = []
    for (const [index, event] of events.entries()) {
      try {
        envelopes.push(await this.ready(event, options, cause))
      } catch (thrown) {
        const error = toError(thrown)
        throw new PublishError(`Nothing of the batch was sent: event ${index} is wrong. ${error.message}`, {
          cause: error,
          failed: [index],
        })
      }
    }
    return envelopes
  }

  deliverAt(options: PublishOptions | undefined): number | undefined {
    if (options === undefined) return undefined
    const { deliverAt, delayMs } = options
    if (deliverAt === undefined && delayMs === undefined) return undefined
    const at = deliverAt === undefined ? this.#settings.clock.now() + (delayMs as number) : deliverAt.getTime()
    if (isDelay(at)) return at
    const given = deliverAt === undefined ? `delayMs is ${String(delayMs)}; give milliseconds` : 'deliverAt is no valid date; give a Date'
    throw new ConfigurationError(`${given}, or leave it out to deliver at once.`)
  }

  async #readyAfter(valid: Promise<void>, envelope: EventEnvelope): Promise<EventEnvelope> {
    await valid
    const { encrypted } = envelope.model
    return encrypted === undefined ? envelope : this.#settings.encryption.seal(envelope, encrypted)
  }
}

const known = { key: true, topic: true, priority: true, deliverAt: true, delayMs: true, signal: true } as const satisfies Record<
  keyof PublishOptions,
  true
>

/** Refuses what would do nothing. */
function checkPublishOptions(options: PublishOptions): void {
  for (const name in options) {
    if (Object.hasOwn(known, name)) continue
    throw new ConfigurationError(
      `Unknown option publish.${name}. Known are ${Object.keys(known).join(', ')}; metadata is given with the event: OrderCreated(data, { correlationId }).`,
    )
  }
}
