import type { HandlerContext } from '@interline/core'
import { type WaitOptions, waitFor } from './wait-for.js'

/** One run of a recording handler. */
export interface Recorded<E> {
  readonly event: E
  readonly context: HandlerContext
  readonly attempt: number
  /** By the process' monotonic clock. */
  readonly atMs: number
}

type Behaviour<E> = (event: E, context: HandlerContext) => unknown

/**
 * A handler that remembers: every run in `runs`, and those that succeeded in `events`. Give it a behaviour to fail or to wait.
 * Subscribe with `recorder.handle`.
 */
export class Recorder<E extends object> {
  readonly #behaviour: Behaviour<E> | undefined
  readonly #runs: Recorded<E>[] = []
  readonly #succeeded: Recorded<E>[] = []
  #running = 0
  #mostAtOnce = 0

  constructor(behaviour?: Behaviour<E>) {
    this.#behaviour = behaviour
  }

  readonly handle = async (event: E, context: HandlerContext): Promise<void> => {
    const run = { event, context, attempt: context.attempt, atMs: performance.now() }
    this.#runs.push(run)
    this.#running += 1
    this.#mostAtOnce = Math.max(this.#mostAtOnce, this.#running)
    try {
      await this.#behaviour?.(event, context)
      this.#succeeded.push(run)
    } finally {
      this.#running -= 1
    }
  }

  /** Every run, failed ones included, in the order in which they began. */
  get runs(): readonly Recorded<E>[] {
    return this.#runs
  }

  /** What was handled, in the order in which it was finished. */
  get handled(): readonly Recorded<E>[] {
    return this.#succeeded
  }

  get events(): readonly E[] {
    return this.#succeeded.map(({ event }) => event)
  }

  get running(): number {
    return this.#running
  }

  get mostAtOnce(): number {
    return this.#mostAtOnce
  }

  /** Until so many were handled. The limit is for each gap between two runs. */
  async waitForCount(count: number, options: WaitOptions = {}): Promise<void> {
    await waitFor(() => this.#succeeded.length >= count, {
      what: `${count} handled events`,
      progress: () => `${this.#succeeded.length} handled, ${this.#runs.length} runs`,
      ...options,
    })
  }

  /** Until so many runs began. */
  async waitForRuns(count: number, options: WaitOptions = {}): Promise<void> {
    await waitFor(() => this.#runs.length >= count, { what: `${count} runs`, progress: () => this.#runs.length, ...options })
  }
}

export function recorder<E extends object>(behaviour?: Behaviour<E>): Recorder<E> {
  return new Recorder(behaviour)
}
