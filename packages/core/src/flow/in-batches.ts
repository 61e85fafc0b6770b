import type { HandlerFunction, HandlerObject } from '../bus/subscribe-options.js'
import type { HandlerContext } from '../delivery/subscriber.js'
import { ConfigurationError, toError } from '../errors.js'
import type { Awaitable } from '../ports/abortable.js'
import type { IClock, Timer } from '../ports/clock.js'

export interface BatchOptions {
  /** Events at most. */
  readonly size: number
  /** How long the first one waits for others, default 20. */
  readonly waitMs?: number | undefined
}

/**
 * What a batch handler answers: nothing where all is well, or for each event in turn nothing or an error, which is judged as if the event
 * had come alone: retried, put off (`RetryLater`) or given up (`Reject`). What it throws is the answer for all.
 */
export type BatchAnswer = readonly (Error | undefined | null)[] | undefined

export type BatchHandler<E> = (events: readonly E[], contexts: readonly HandlerContext[]) => Awaitable<BatchAnswer> | Awaitable<void>

interface Waiting {
  readonly event: object
  readonly context: HandlerContext
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

const defaultWaitMs = 20
const batching: unique symbol = Symbol.for('interline.batching')

interface Batching {
  readonly [batching]: { readonly size: number; readonly collector: (clock: IClock) => HandlerFunction<object> }
}

/**
 * Handles events together: `bus.subscribe(Placed, inBatches(async (events) => …, { size: 100 }), { name: 'index' })`. Attempts, dedup and
 * dead letters stay those of each event. Where order is kept, a batch has at most one event of each key.
 */
export function inBatches<E>(handler: BatchHandler<E>, { size, waitMs = defaultWaitMs }: BatchOptions): HandlerObject<E> {
  if (typeof handler !== 'function') throw new ConfigurationError('inBatches(handler, { size }) needs a function of a list of events.')
  if (!Number.isInteger(size) || size < 1) throw new ConfigurationError(`inBatches: size is ${size}; give a whole number from 1.`)
  if (!(waitMs >= 0)) throw new ConfigurationError(`inBatches: waitMs is ${waitMs}; give milliseconds, 0 or more.`)
  const object: HandlerObject<E> & Batching = {
    handle: () => {
      throw new ConfigurationError('What inBatches makes is for subscribe, and not to be called.')
    },
    [batching]: { size, collector: (clock) => collector(handler as BatchHandler<object>, size, waitMs, clock) },
  }
  return object
}

/** Its collector, where the handler is one for batches. */
export function batchingOf(handler: object | undefined): Batching[typeof batching] | undefined {
  return (handler as Partial<Batching> | undefined)?.[batching]
}

function collector(handler: BatchHandler<object>, size: number, waitMs: number, clock: IClock): HandlerFunction<object> {
  let waiting: Waiting[] = []
  let timer: Timer | undefined
  const flush = (): void => {
    timer?.cancel()
    timer = undefined
    const batch = waiting
    waiting = []
    void settle(handler, batch)
  }
  return (event, context) =>
    new Promise<void>((resolve, reject) => {
      waiting.push({ event, context, resolve, reject })
      if (waiting.length >= size) flush()
      else timer ??= clock.setTimer(flush, waitMs)
    })
}

async function settle(handler: BatchHandler<object>, batch: readonly Waiting[]): Promise<void> {
  // What was cut off while it waited comes again, and must not run now.
  const wanted = batch.filter(({ context, reject }) => {
    if (context.signal.aborted) reject(toError(context.signal.reason))
    return !context.signal.aborted
  })
  if (wanted.length === 0) return
  try {
    const answers = await handler(
      wanted.map(({ event }) => event),
      wanted.map(({ context }) => context),
    )
    if (answers !== undefined && (!Array.isArray(answers) || answers.length !== wanted.length)) {
      throw new ConfigurationError(
        `A batch handler answered ${Array.isArray(answers) ? answers.length : typeof answers} for ${wanted.length} events. Answer nothing, or one entry for each.`,
      )
    }
    for (const [index, { resolve, reject }] of wanted.entries()) {
      const answer = answers?.[index]
      if (answer === undefined || answer === null) resolve()
      else reject(toError(answer))
    }
  } catch (thrown) {
    for (const { reject } of wanted) reject(toError(thrown))
  }
}
