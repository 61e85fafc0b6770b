import { ConfigurationError, EventPriority, type IBroker, type IEventStore } from '@interline/core'
import { adapterData, brokerSettings, storeSettings } from './adapter-checks.js'
import type { BrokerConfig, StoreConfig } from './adapter-config.js'
import type { BusConfig } from './bus-config.js'
import {
  at,
  type Check,
  flag,
  instance,
  integer,
  isInstance,
  listOf,
  milliseconds,
  oneOf,
  plainObject,
  refuse,
  shape,
  share,
  text,
} from './checks.js'

const brokerMethods = ['connect', 'publish', 'subscribe', 'close'] as const
const storeMethods = ['append', 'readStream', 'readAll', 'close'] as const

/** Whether it is a broker itself, and not the description of one. */
export function isBroker(value: IBroker | BrokerConfig): value is IBroker {
  return isInstance(value, brokerMethods)
}

/** Whether it is a store itself, and not the description of one. */
export function isStore(value: IEventStore | StoreConfig): value is IEventStore {
  return isInstance(value, storeMethods)
}

function instanceOrData(methods: readonly string[], data: Check): Check {
  return (value, path) => {
    if (typeof value === 'function')
      refuse(path, value, `an instance of ${value.name || 'it'}`, 'one that was made with new, or an object with settings')
    if (!isInstance(value, methods)) data(value, path)
  }
}

const someFunction: Check = (value, path) => {
  if (typeof value !== 'function') refuse(path, value, 'a function', 'a function')
}

const destinations: Check = (value, path) => {
  if (value === 'first-segment' || value === 'topic' || typeof value === 'function') return
  if (typeof value === 'string') refuse(path, value, 'a rule', '"first-segment", "topic", a map or a function')
  for (const [name, destination] of Object.entries(plainObject(value, path))) text(destination, at(path, name))
}

const hybridShape = shape({
  routingStrategy: instance('a routing strategy', 'route'),
  localTypes: listOf(text, 'event types'),
  remoteTypes: listOf(text, 'event types'),
  bothFrom: oneOf(Object.values(EventPriority), 'a priority'),
  decide: someFunction,
  localBroker: instance('a broker', ...brokerMethods),
})

const hybrid: Check = (value, path) => {
  if (typeof value === 'boolean') return
  hybridShape(value, path)
  const { routingStrategy, localBroker, ...rest } = value as Record<string, unknown>
  const beside = Object.keys(rest).find((name) => rest[name] !== undefined)
  if (routingStrategy !== undefined && beside !== undefined) {
    throw new ConfigurationError(`${path}.${beside}: says nothing beside routingStrategy, which decides alone. Remove one of them.`)
  }
}

const instrumentation: Check = (value, path) => {
  for (const [index, hooks] of [value].flat().entries()) {
    if (typeof hooks !== 'object' || hooks === null)
      refuse(Array.isArray(value) ? `${path}[${index}]` : path, hooks, 'instrumentation', 'an object with hooks')
  }
}

const dedup = shape({ ttlMs: milliseconds })
const codec = instance('a codec', 'encode', 'decode')

const busShape = shape({
  service: text,
  broker: instanceOrData(brokerMethods, adapterData('broker', brokerSettings)),
  store: instanceOrData(storeMethods, adapterData('store', storeSettings)),
  hybrid,
  retry: shape({
    maxAttempts: integer(1),
    backoff: shape({ type: oneOf(['fixed', 'exponential']), delayMs: milliseconds, maxDelayMs: milliseconds, jitter: share }),
  }),
  deadLetter: shape({ enabled: flag }),
  dedup: (value, path) => {
    if (value !== false) dedup(value, path)
  },
  destinations,
  codec: (value, path) => {
    if (value !== 'reference') codec(value, path)
  },
  environment: text,
  tenantId: text,
  concurrency: integer(1),
  window: integer(1),
  parkAfterMs: milliseconds,
  waitForHandlers: flag,
  connectTimeoutMs: milliseconds,
  closeTimeoutMs: milliseconds,
  autoRegister: flag,
  outbox: instance('an outbox', 'start', 'accept', 'stop'),
  deadLetters: instance('a dead-letter store', 'add', 'list', 'count', 'remove'),
  parking: instance('a place for parked keys, in the form of a dead-letter store', 'add', 'list', 'count', 'remove'),
  keyStore: instance('a key store', 'current', 'get', 'rotate', 'forget'),
  idempotency: instance('an idempotency store', 'claim', 'complete', 'release'),
  clock: instance('a clock', 'now', 'monotonic', 'setTimer'),
  logger: instance('a logger', 'debug', 'info', 'warn', 'error'),
  instrumentation,
  health: shape({ timeoutMs: milliseconds, maxLag: integer(0), maxDeadLetters: integer(0), maxForwardingMs: milliseconds }),
  unused: listOf(shape({ name: text, reason: text, answeredBy: oneOf(['instrumentation']) }), 'variables'),
})

/** Throws ConfigurationError for the first thing that is wrong: an unknown key, a bad value, an object within itself. */
export function checkConfig(config: unknown): asserts config is BusConfig {
  refuseCycles(config, '', [])
  busShape(config, '')
}

/** Looks into data only: instances may well hold themselves. */
function refuseCycles(value: unknown, path: string, above: readonly unknown[]): void {
  if (typeof value !== 'object' || value === null || !(Array.isArray(value) || isPlain(value))) return
  if (above.includes(value))
    throw new ConfigurationError(`${path}: the configuration holds itself here. Give each place an object of its own.`)
  for (const [name, field] of Object.entries(value)) refuseCycles(field, at(path, name), [...above, value])
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
