import { ConfigurationError, SubscriptionError } from '../errors.js'
import { checkOptions, optionChecks, refuseOption } from '../option-checks.js'
import type { FailureOptions, Handler, HandlerOptions } from './subscribe-options.js'

const { kind, oneOf, within } = optionChecks

/** Who takes it says what is wrong with it. */
const taken = (): void => undefined

const failure = {
  retry: within({ maxAttempts: taken, backoff: within({ type: taken, delayMs: taken, maxDelayMs: taken, jitter: taken }) }),
  timeoutMs: taken,
  deadLetter: within({ enabled: kind('boolean'), keepOrder: kind('boolean'), exchange: taken, routingKey: taken }),
  errorHandler: kind('function'),
} as const satisfies Record<keyof FailureOptions<never>, unknown>

const known = {
  name: kind('string'),
  group: kind('string'),
  priority: taken,
  from: (value: unknown, path: string): void => {
    if (!(value instanceof Date) && !['now', 'beginning', 'earliest'].includes(value as string))
      refuseOption(path, value, `'now', 'beginning', 'earliest' or a Date`)
  },
  order: oneOf('key', 'none'),
  concurrency: taken,
  filter: kind('function'),
  broadcast: kind('boolean'),
  failure: within(failure),
  flow: within({ rateLimit: taken, circuitBreaker: taken, bulkhead: taken }),
  inbox: taken,
  signal: taken,
} as const satisfies Record<keyof HandlerOptions, unknown>

/** Refuses what would do nothing, and what would fail only when an event comes. */
export function checkHandlerOptions(options: HandlerOptions<never>): void {
  const misplaced = Object.keys(failure).find((name) => Object.hasOwn(options, name))
  if (misplaced !== undefined)
    throw new ConfigurationError(`Unknown option subscribe.${misplaced}. Give it as { failure: { ${misplaced}: … } }.`)
  checkOptions(options, 'subscribe', known)
}

export function checkHandler(handler: Handler<never>): void {
  if (typeof handler !== 'function' || !/^class\b/.test(Function.prototype.toString.call(handler))) return
  throw new SubscriptionError(
    `${handler.name || 'The handler'} is a class, and nobody has made an instance of it. Give one: new ${handler.name}().`,
  )
}
