import {
  type AnyTarget,
  type Awaitable,
  ConfigurationError,
  type EventOf,
  isStandardSchema,
  type RetryOptions,
  type SchemaOutput,
  type StandardSchema,
} from '@interline/core'
import type { SagaContext } from './saga-context.js'

/** What runs: it may change the state that it is given, or return another. */
export type SagaWork<State> = (state: State, context: SagaContext) => Awaitable<State> | Awaitable<void>

/** One thing to be done, and how it is undone when a later one fails. */
export interface SagaStep<State> {
  readonly name: string
  /** `undefined` for a step that only waits. */
  readonly execute: SagaWork<State> | undefined
  readonly compensate: SagaWork<State> | undefined
  /** How long it is waited before the step is done. */
  readonly delayMs: number
  readonly timeoutMs: number | undefined
}

export interface StepOptions {
  /** How long one run may take before it counts as failed. No limit where it is not said. */
  readonly timeoutMs?: number | undefined
}

/** Makes a step that runs, and, where something is to be undone, says how. */
export type MakeStep<State> = (
  name: string,
  execute: SagaWork<State>,
  compensate?: SagaWork<State>,
  options?: StepOptions,
) => SagaStep<State>

/** Makes a step that waits, for any length of time. */
export type MakeDelay<State> = (name: string, afterMs: number) => SagaStep<State>

/** What a saga does when an event comes that belongs to it. */
export interface SagaReaction<State> {
  readonly target: AnyTarget
  readonly run: (state: State, event: never, context: SagaContext) => Awaitable<State> | Awaitable<void>
  readonly correlate: ((event: never) => string) | undefined
}

/** Makes a reaction to events of one kind. */
export type When<State> = <const Target extends AnyTarget>(
  target: Target,
  run: (state: State, event: EventOf<Target>, context: SagaContext) => Awaitable<State> | Awaitable<void>,
  options?: { readonly correlate?: ((event: EventOf<Target>) => string) | undefined },
) => SagaReaction<State>

/** Something that is done when nothing came in time. */
export interface SagaTimeout<State> {
  /** Set when the saga begins, so long after it. Without it, `context.setTimeout` sets it. */
  readonly afterMs?: number | undefined
  readonly run: SagaWork<State>
}

export interface SagaOptions<State, Start extends AnyTarget> {
  /** Raised whenever steps or state change so that a saga under way could not go on. 1 where it is not said. */
  readonly version?: number | undefined
  /** State of older versions, each step to the next version: `{ 1: (state) => … }`. */
  readonly upcast?: Readonly<Record<number, (state: never) => unknown>> | undefined
  /** The event that begins it. Without one it is begun by `startSaga`. */
  readonly start?: Start | undefined
  /** The state that it begins with. Where it is not said, the event's data. */
  readonly begin?: ((event: EventOf<Start>) => Awaitable<State>) | undefined
  /** Which saga an event belongs to: the id. Of all its events, unless `when` says otherwise for one. */
  readonly correlate?: ((event: EventOf<Start>) => string) | undefined
  /** `(when) => [when(Paid, (state, event, saga) => …)]` */
  readonly on?: ((when: When<State>) => readonly SagaReaction<State>[]) | undefined
  /** `(step, delay) => [step('reserve', (state, saga) => …, (state, saga) => …), delay('cooling', 60_000)]` */
  readonly steps?: ((step: MakeStep<State>, delay: MakeDelay<State>) => readonly SagaStep<State>[]) | undefined
  readonly timeouts?: Readonly<Record<string, SagaTimeout<State>>> | undefined
  /** How often a step that the machinery failed is run, and a compensation. Then the saga is parked for an operator. */
  readonly retry?: RetryOptions | undefined
  /** Whether an error is the machinery's, and the step worth another try; any other error is the business's, and undoes what was done. */
  readonly isRetryable?: ((error: Error) => boolean) | undefined
  /** What is done with an event whose saga there is not: `retry` it, and at last a dead letter, or `ignore` it. Default `retry`. */
  readonly missing?: 'retry' | 'ignore' | undefined
}

/** A step whatever its state, as it is run. */
export interface AnySagaStep extends Omit<SagaStep<never>, 'execute' | 'compensate'> {
  readonly execute: AnySagaWork | undefined
  readonly compensate: AnySagaWork | undefined
}

export type AnySagaWork = (state: never, context: SagaContext) => unknown

export interface AnySagaReaction extends Omit<SagaReaction<never>, 'run'> {
  readonly run: (state: never, event: never, context: SagaContext) => unknown
}

export interface SagaDefinition<State = unknown> {
  readonly type: string
  readonly version: number
  readonly schema: StandardSchema | undefined
  readonly start: AnyTarget | undefined
  readonly begin: ((event: never) => Awaitable<unknown>) | undefined
  readonly correlate: ((event: never) => string) | undefined
  readonly on: readonly AnySagaReaction[]
  readonly steps: readonly AnySagaStep[]
  readonly timeouts: Readonly<Record<string, { readonly afterMs?: number | undefined; readonly run: AnySagaWork }>>
  readonly upcast: Readonly<Record<number, (state: never) => unknown>>
  readonly retry: RetryOptions | undefined
  readonly isRetryable: ((error: Error) => boolean) | undefined
  readonly missing: 'retry' | 'ignore'
  /** For the compiler. */
  readonly '~state'?: State
}

const names = new Set([
  'version',
  'upcast',
  'state',
  'start',
  'begin',
  'correlate',
  'on',
  'steps',
  'timeouts',
  'retry',
  'isRetryable',
  'missing',
])

/**
 * Describes sagas of one type: long work over several services, of steps that are undone in reverse when one fails, of events that it
 * waits for, and of times. Throws ConfigurationError for what can't be meant.
 */
export function defineSaga<Schema extends StandardSchema, const Start extends AnyTarget = string>(
  type: string,
  options: SagaOptions<SchemaOutput<Schema>, Start> & { readonly state: Schema },
): SagaDefinition<SchemaOutput<Schema>> {
  const { version = 1, state, start, begin, correlate, timeouts = {}, upcast = {}, retry, isRetryable, missing } = options
  const wrong = (what: string): never => {
    throw new ConfigurationError(`Saga "${String(type)}": ${what}`)
  }
  if (typeof type !== 'string' || type === '') wrong('a saga needs a type, text that is not empty.')
  for (const name of Object.keys(options)) if (!names.has(name)) wrong(`there is no option "${name}". Options: ${[...names].join(', ')}.`)
  if (!Number.isInteger(version) || version < 1) wrong(`version must be a whole number from 1, not ${version}.`)
  if (!isStandardSchema(state)) wrong('state must be a Standard Schema (zod, valibot, arktype), or staticSchema<T>().')
  if (start !== undefined && correlate === undefined) wrong('correlate must say which saga an event belongs to.')
  const on = options.on?.(when) ?? []
  const steps = options.steps?.(step, (name, afterMs) => delay(type, name, afterMs)) ?? []
  for (const { correlate: own, target } of on) {
    if (own === undefined && correlate === undefined) wrong(`when(${describe(target)}) needs a correlate, its own or the saga's.`)
  }
  for (const name of steps.map((each) => each.name)) {
    if (steps.filter((each) => each.name === name).length > 1) wrong(`two steps are named "${name}". A step's name is what is stored.`)
  }
  for (let from = 1; from < version; from++) {
    if (Object.keys(upcast).length > 0 && typeof upcast[from] !== 'function') wrong(`upcast has no step from version ${from}.`)
  }
  return {
    type,
    version,
    schema: state,
    start,
    begin: begin as SagaDefinition['begin'],
    correlate: correlate as SagaDefinition['correlate'],
    on,
    steps,
    timeouts,
    upcast,
    retry,
    isRetryable,
    missing: missing ?? 'retry',
  }
}

export function step<State>(
  name: string,
  execute: SagaWork<State>,
  compensate?: SagaWork<State>,
  { timeoutMs }: StepOptions = {},
): SagaStep<State> {
  return { name, execute, compensate, delayMs: 0, timeoutMs }
}

function delay<State>(type: string, name: string, afterMs: number): SagaStep<State> {
  if (!(afterMs >= 0 && afterMs < 2 ** 52)) {
    throw new ConfigurationError(`Saga "${type}": the delay "${name}" is ${afterMs}; give milliseconds, 0 or more.`)
  }
  return { name, execute: undefined, compensate: undefined, delayMs: afterMs, timeoutMs: undefined }
}

function when<State, Event>(
  target: AnyTarget,
  run: (state: State, event: Event, context: SagaContext) => Awaitable<State> | Awaitable<void>,
  { correlate }: { readonly correlate?: ((event: Event) => string) | undefined } = {},
): SagaReaction<State> {
  return { target, run: run as SagaReaction<State>['run'], correlate: correlate as SagaReaction<State>['correlate'] }
}

function describe(target: AnyTarget): string {
  if (typeof target === 'string') return `"${target}"`
  return 'type' in target ? String(target.type) : (target as { readonly name?: string }).name || 'a topic'
}
