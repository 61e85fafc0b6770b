import { ConfigurationError, EventBus as CoreEventBus, type EventBusOptions as CoreOptions } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { flag, integer, milliseconds } from './config/checks.js'
import { suggestion } from './config/suggestion.js'

/** Other words for options of the bus. */
export interface FamiliarOptions {
  /** False: the same as `dedup: false`. */
  readonly enableDeduplication?: boolean | undefined
  /** The same as `dedup.ttlMs`. */
  readonly deduplicationTtlMs?: number | undefined
  /** How often a handler that failed is run again: one less than `retry.maxAttempts`. */
  readonly maxRetryAttempts?: number | undefined
  /** The delay before each retry, always the same. */
  readonly retryDelayMs?: number | undefined
  /** False: `publish` waits for the handlers, the same as `waitForHandlers: true`. */
  readonly asyncProcessing?: boolean | undefined
}

export interface EventBusOptions extends Omit<CoreOptions, 'broker'>, FamiliarOptions {
  /** Default: a memory broker. */
  readonly broker?: CoreOptions['broker'] | undefined
}

/** A bus over one broker; in this process where none is given. */
export class EventBus extends CoreEventBus {
  constructor(options: EventBusOptions = {}) {
    super(translated(options))
  }
}

const familiar = {
  enableDeduplication: flag,
  deduplicationTtlMs: milliseconds,
  maxRetryAttempts: integer(0),
  retryDelayMs: milliseconds,
  asyncProcessing: flag,
} as const

const known: Readonly<Record<keyof CoreOptions, true>> = {
  broker: true,
  service: true,
  store: true,
  outbox: true,
  deadLetters: true,
  idempotency: true,
  dedup: true,
  retry: true,
  deadLetter: true,
  destinations: true,
  codec: true,
  keyStore: true,
  environment: true,
  tenantId: true,
  clock: true,
  logger: true,
  instrumentation: true,
  health: true,
  concurrency: true,
  window: true,
  parking: true,
  parkAfterMs: true,
  waitForHandlers: true,
  connectTimeoutMs: true,
  closeTimeoutMs: true,
}

/** Here and nowhere else: the bus itself knows one word for each thing. */
function translated(options: EventBusOptions): CoreOptions {
  refuseUnknown(options)
  const { enableDeduplication, deduplicationTtlMs, maxRetryAttempts, retryDelayMs, asyncProcessing, broker, ...rest } = options
  for (const name of Object.keys(familiar) as (keyof FamiliarOptions)[]) {
    if (options[name] !== undefined) familiar[name](options[name], name)
  }
  refuseBoth(options, 'dedup', ['enableDeduplication', 'deduplicationTtlMs'])
  refuseBoth(options, 'retry', ['maxRetryAttempts', 'retryDelayMs'])
  refuseBoth(options, 'waitForHandlers', ['asyncProcessing'])
  const remembered = deduplicationTtlMs === undefined ? undefined : { ttlMs: deduplicationTtlMs }
  const retried = {
    maxAttempts: maxRetryAttempts === undefined ? undefined : maxRetryAttempts + 1,
    backoff: retryDelayMs === undefined ? undefined : ({ type: 'fixed', delayMs: retryDelayMs, jitter: 0 } as const),
  }
  return {
    ...rest,
    broker: broker ?? new MemoryBroker(),
    dedup: enableDeduplication === false ? false : (rest.dedup ?? remembered),
    retry: rest.retry ?? retried,
    waitForHandlers: asyncProcessing === undefined ? rest.waitForHandlers : !asyncProcessing,
  }
}

function refuseBoth(options: EventBusOptions, name: keyof EventBusOptions, others: readonly (keyof FamiliarOptions)[]): void {
  const other = others.find((each) => options[each] !== undefined)
  if (options[name] === undefined || other === undefined) return
  throw new ConfigurationError(`${name} and ${other} say the same thing in two ways. Give one of them.`)
}

function refuseUnknown(options: EventBusOptions): void {
  const names = [...Object.keys(known), ...Object.keys(familiar)]
  const unknown = Object.keys(options).find((name) => !names.includes(name))
  if (unknown !== undefined) throw new ConfigurationError(`${unknown}: unknown option of EventBus.${suggestion(unknown, names)}`)
}
