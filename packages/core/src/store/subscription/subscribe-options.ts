import { type RetryOptions, RetryPolicy } from '../../delivery/retry-policy.js'
import { ConfigurationError } from '../../errors.js'
import { checkOptions, optionChecks, refuseOption } from '../../option-checks.js'
import type { Awaitable } from '../../ports/abortable.js'
import type { ReadAllOptions, RecordedEvent } from '../../ports/event-store.js'
import type { ProcessorState } from './processor-state.js'

export interface StoreSubscribeOptions extends Pick<ReadAllOptions, 'types' | 'correlationId' | 'aggregateType' | 'tenantId'> {
  /** Subscriptions of one name are one, over all processes: one of them runs, and another takes over from its checkpoint. */
  readonly name: string
  /** Where it begins when it has no checkpoint yet, default `beginning`. */
  readonly from?: 'beginning' | 'now' | Date | undefined
  /** How often an event is tried before it is poison, default 5 times. An event that can't be decoded, or that is rejected, is poison at once. */
  readonly retry?: RetryOptions | undefined
  /** What is done about poison: `stop` until somebody resumes (default), or `skip` it. */
  readonly poison?: 'stop' | 'skip' | undefined
  /** After how many events the checkpoint is saved at the latest while there is more to read, default 100. */
  readonly batchSize?: number | undefined
  /** How often it is looked for what other processes appended, default 1,000. What this process appends is seen at once. */
  readonly pollMs?: number | undefined
  /** After how much silence another process takes over, default 10,000. */
  readonly leaseMs?: number | undefined
  /** Called on every change of the state. It must not throw. */
  readonly onState?: ((state: ProcessorState) => void) | undefined
  /** Called for every event that is skipped. Without it, a warning. */
  readonly onSkipped?: ((event: RecordedEvent, error: Error) => void) | undefined
}

/** What a handler is told beside the event. */
export interface StoreEventContext {
  readonly recorded: RecordedEvent
  readonly attempt: number
  /** Aborted when another process may have taken over, or a close can't wait. */
  readonly signal: AbortSignal
}

export type StoreEventHandler<Event> = (event: Event, context: StoreEventContext) => Awaitable<unknown>

export interface ResolvedSubscribeOptions {
  readonly name: string
  readonly from: 'beginning' | 'now' | Date
  readonly filter: Pick<ReadAllOptions, 'types' | 'correlationId' | 'aggregateType' | 'tenantId'>
  readonly retry: RetryPolicy
  readonly poison: 'stop' | 'skip'
  readonly batchSize: number
  readonly pollMs: number
  readonly leaseMs: number
  readonly onState: ((state: ProcessorState) => void) | undefined
  readonly onSkipped: ((event: RecordedEvent, error: Error) => void) | undefined
}

const defaults = { from: 'beginning', poison: 'stop', batchSize: 100, pollMs: 1_000, leaseMs: 10_000 } as const
const path = 'subscribe'
const { integer, kind, oneOf, text } = optionChecks

export function resolveSubscribeOptions(options: StoreSubscribeOptions): ResolvedSubscribeOptions {
  checkOptions(options, path, {
    name: text,
    types: (value, at) => {
      if (!Array.isArray(value) || !value.every((type) => typeof type === 'string')) refuseOption(at, value, 'a list of event types')
    },
    correlationId: text,
    aggregateType: text,
    tenantId: text,
    from: (value, at) => {
      if (value === 'beginning' || value === 'now' || (value instanceof Date && !Number.isNaN(value.getTime()))) return
      refuseOption(at, value, `'beginning', 'now' or a valid Date`)
    },
    retry: () => undefined,
    poison: oneOf('stop', 'skip'),
    batchSize: integer(1, 10_000),
    pollMs: integer(1),
    leaseMs: integer(100),
    onState: kind('function'),
    onSkipped: kind('function'),
  })
  if (options.name === undefined) throw new ConfigurationError('A subscription of a store needs a name: its checkpoint is kept under it.')
  const { name, types, correlationId, aggregateType, tenantId, retry, onState, onSkipped, ...rest } = options
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  return {
    ...defaults,
    ...given,
    name,
    filter: { types, correlationId, aggregateType, tenantId },
    retry: new RetryPolicy(retry),
    onState,
    onSkipped,
  }
}
