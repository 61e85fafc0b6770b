import type { RetryOptions } from '../delivery/retry-policy.js'
import { ConfigurationError } from '../errors.js'
import type { IBroker } from '../ports/broker.js'
import type { IClock } from '../ports/clock.js'
import type { ICodec } from '../ports/codec.js'
import type { IDeadLetterStore } from '../ports/dead-letter-store.js'
import type { IEventStore } from '../ports/event-store.js'
import type { IIdempotencyStore } from '../ports/idempotency-store.js'
import type { Instrumentation } from '../ports/instrumentation.js'
import type { IKeyStore } from '../ports/key-store.js'
import type { ILogger } from '../ports/logger.js'
import type { IOutbox } from '../ports/outbox.js'
import { systemClock } from '../system-clock.js'
import { CloudEventsFormat } from '../wire/cloud-events.js'
import { JsonCodec } from '../wire/json-codec.js'
import { ReferenceFormat } from '../wire/reference-format.js'
import type { WireFormat } from '../wire/wire-format.js'
import type { Destinations } from './destinations.js'
import type { HealthOptions } from './health.js'
import type { DeadLetterOptions } from './subscribe-options.js'

/** What every bus takes, whatever carries its events. */
export interface CommonBusOptions {
  /** The name of this service: the group of handlers that name none, and the `source` of events that name none. Default `app`. */
  readonly service?: string | undefined
  /** Publishing appends to it, and the broker is fed from it. Connected by the bus; closed by whoever made it. */
  readonly store?: IEventStore | undefined
  /**
   * Events that were added to it, in transactions of the user's own, are published by this bus. Without a store, so is what `publish` is
   * given, which is accepted when the outbox has it. Started and stopped by the bus; closed by whoever made it.
   */
  readonly outbox?: IOutbox | undefined
  /** Where dead letters go instead of the broker's own place. */
  readonly deadLetters?: IDeadLetterStore | undefined
  /** Where keys wait that are retried after a long time, instead of the broker's own place; one place for all groups. Not for dead letters, too. */
  readonly parking?: IDeadLetterStore | undefined
  /** How long a key may be retried in its place: beyond that it is parked, so that it never stops the others. Default 5 s. */
  readonly parkAfterMs?: number | undefined
  /** Where handled events are remembered instead of the broker's own place. */
  readonly idempotency?: IIdempotencyStore | undefined
  /** `false` hands duplicates to the handlers. Default: remembered for an hour. */
  readonly dedup?: false | DedupOptions | undefined
  readonly retry?: RetryOptions | undefined
  readonly deadLetter?: DeadLetterOptions | undefined
  readonly destinations?: Destinations | undefined
  readonly codec?: ICodec | undefined
  /** The keys of fields that definitions mark as encrypted. Without one they read as erased, and can't be published. */
  readonly keyStore?: IKeyStore | undefined
  readonly environment?: string | undefined
  readonly tenantId?: string | undefined
  readonly clock?: IClock | undefined
  readonly logger?: ILogger | undefined
  /** When `health()` warns, and how long it waits for an answer. */
  readonly health?: HealthOptions | undefined
  readonly instrumentation?: Instrumentation | readonly Instrumentation[] | undefined
  /** How many events of a group are worked on at once where the subscription does not say. Default 16. */
  readonly concurrency?: number | undefined
  /** How many events of a group may be in this process's hands. Default 500. */
  readonly window?: number | undefined
  /** `publish` waits until every handler had its first attempt, and never rejects for a handler's error. Only on a local broker. */
  readonly waitForHandlers?: boolean | undefined
  /** Default 10 s. */
  readonly connectTimeoutMs?: number | undefined
  /** How long `close` lets handlers finish. Default 10 s. */
  readonly closeTimeoutMs?: number | undefined
}

export interface DedupOptions {
  /** Default one hour. */
  readonly ttlMs?: number | undefined
}

export interface EventBusOptions extends Omit<CommonBusOptions, 'codec'> {
  readonly broker: IBroker
  /** JSON where nothing is said. `reference`, on a local broker, hands handlers the event as it is, frozen, and encodes nothing. */
  readonly codec?: ICodec | 'reference' | undefined
}

export const defaults = {
  service: 'app',
  dedupTtlMs: 3_600_000,
  concurrency: 16,
  window: 500,
  parkAfterMs: 5_000,
  connectTimeoutMs: 10_000,
  closeTimeoutMs: 10_000,
} as const

export function formatFor(codec: ICodec | 'reference' | undefined, broker: IBroker): WireFormat {
  if (codec !== 'reference') return new CloudEventsFormat(codec ?? new JsonCodec())
  if (broker.capabilities.local) return new ReferenceFormat()
  throw new ConfigurationError(`codec: 'reference' needs a broker that stays in the process, and ${broker.name} does not. Leave codec out.`)
}

export function checkCommonOptions(options: CommonBusOptions): void {
  if (options.service !== undefined && (typeof options.service !== 'string' || options.service === '')) {
    throw new ConfigurationError('service must be the name of this service, such as "shop".')
  }
  for (const name of ['concurrency', 'window'] as const) {
    const value = options[name]
    if (value !== undefined && (!Number.isInteger(value) || value < 1))
      throw new ConfigurationError(`${name} is ${value}; give a whole number from 1.`)
  }
  for (const name of ['connectTimeoutMs', 'closeTimeoutMs', 'parkAfterMs'] as const) {
    const value = options[name]
    if (value !== undefined && !(value >= 0)) throw new ConfigurationError(`${name} is ${value}; give milliseconds, 0 or more.`)
  }
  if (options.parking !== undefined && options.parking === options.deadLetters)
    throw new ConfigurationError('parking and deadLetters are one store: what only waits would be taken for dead. Give each its own.')
}

export function checkBroker(name: string, broker: IBroker): void {
  if (typeof broker?.publish === 'function' && typeof broker.capabilities === 'object') return
  throw new ConfigurationError(
    `${name} must be a broker itself, such as new MemoryBroker(). One as data, { type: 'redis' }, is for createBus.`,
  )
}

export function clockOf(options: CommonBusOptions): IClock {
  return options.clock ?? systemClock
}
