import { aborted, isPromise } from '../awaitable.js'
import { PublishError, toError } from '../errors.js'
import type { Awaitable } from '../ports/abortable.js'
import type { StoreOptions } from '../ports/broker.js'
import type { Instrumentation, PublishedEvent } from '../ports/instrumentation.js'
import type { WireMessage } from '../ports/message.js'

/** Something that takes messages in order and rejects with PublishError where some failed. */
export interface Outlet {
  /** The broker's. */
  readonly name: string
  publish(messages: readonly WireMessage[], options?: StoreOptions): Awaitable<void>
}

interface Entry {
  readonly messages: readonly WireMessage[]
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  readonly signal: AbortSignal | undefined
  readonly onAbort: (() => void) | undefined
  dispatched: boolean
  /** How many of its messages are not known to be stored. */
  left: number
}

const largestBatch = 1_000

/**
 * Puts what is published in the same tick on the way as one batch, in order, while each caller gets an answer of their own. One
 * caller's abort takes out only their messages, and only before they are on their way.
 */
export class Publisher {
  readonly #outlet: Outlet
  readonly #hooks: Instrumentation
  /** False where a batch saves nothing: messages go straight through, without a promise where the outlet has none. */
  readonly #collect: boolean
  readonly #timed: boolean
  #waiting: Entry[] = []
  readonly #flying = new Set<Promise<void>>()
  /** What was collected and has no answer. */
  readonly #open = new Set<Entry>()

  constructor(outlet: Outlet, hooks: Instrumentation, collect: boolean) {
    this.#outlet = outlet
    this.#hooks = hooks
    this.#collect = collect
    this.#timed = hooks.published !== undefined || hooks.publishFailed !== undefined
  }

  publish(messages: readonly WireMessage[], signal?: AbortSignal): Awaitable<void> {
    if (signal?.aborted) return Promise.reject(notSent(signal))
    if (messages.length === 0) return
    return this.#collect ? this.#collected(messages, signal) : this.#direct(messages, signal)
  }

  /** Resolves when everything that was accepted until now has its answer. What has none when the bus is out of time is given up. */
  async flushed(closing: AbortSignal): Promise<void> {
    await Promise.race([this.#answered(), aborted(closing)])
    const { reason } = closing
    for (const entry of this.#open) {
      const outcome = entry.dispatched ? 'unknown' : 'failed'
      this.#answer(entry, new PublishError('The bus was closed before the broker had answered.', { outcome, cause: reason }))
    }
  }

  async #answered(): Promise<void> {
    while (this.#waiting.length > 0 || this.#flying.size > 0) await Promise.allSettled([Promise.resolve(), ...this.#flying])
  }

  #direct(messages: readonly WireMessage[], signal: AbortSignal | undefined): Awaitable<void> {
    const began = this.#timed ? performance.now() : 0
    let sent: Awaitable<void>
    try {
      sent = this.#outlet.publish(messages, signal === undefined ? undefined : { signal })
    } catch (thrown) {
      throw this.#failed(messages, thrown, began)
    }
    if (isPromise(sent)) return this.#fly(sent, messages, began)
    this.#hooks.published?.(this.#report(messages, began))
  }

  #fly(sent: Promise<void>, messages: readonly WireMessage[], began: number): Promise<void> {
    const flight = sent.then(
      () => this.#hooks.published?.(this.#report(messages, began)),
      (thrown: unknown) => {
        throw this.#failed(messages, thrown, began)
      },
    )
    this.#track(flight)
    return flight
  }

  #collected(messages: readonly WireMessage[], signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = signal === undefined ? undefined : () => this.#abort(entry, signal)
      const entry: Entry = { messages, resolve, reject, signal, onAbort, dispatched: false, left: messages.length }
      if (onAbort !== undefined) signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(entry)
      this.#open.add(entry)
      if (this.#waiting.length === 1) queueMicrotask(() => this.#flush())
    })
  }

  #abort(entry: Entry, signal: AbortSignal): void {
    if (entry.dispatched) {
      entry.reject(
        new PublishError('Publishing was aborted while the event was on its way: it may have been stored.', {
          outcome: 'unknown',
          cause: signal.reason,
        }),
      )
      return
    }
    this.#waiting = this.#waiting.filter((each) => each !== entry)
    this.#open.delete(entry)
    entry.reject(notSent(signal))
  }

  #flush(): void {
    const entries = this.#waiting
    this.#waiting = []
    let batch: Entry[] = []
    let size = 0
    for (const entry of entries) {
      if (size > 0 && size + entry.messages.length > largestBatch) {
        this.#track(this.#send(batch))
        batch = []
        size = 0
      }
      batch.push(entry)
      size += entry.messages.length
    }
    if (size > 0) this.#track(this.#send(batch))
  }

  async #send(batch: readonly Entry[]): Promise<void> {
    for (const entry of batch) entry.dispatched = true
    const only = batch.length === 1 ? batch[0] : undefined
    const messages = only === undefined ? batch.flatMap((entry) => entry.messages) : only.messages
    const began = performance.now()
    try {
      await this.#outlet.publish(messages, only === undefined ? { stored: this.#storedOf(batch) } : undefined)
      this.#hooks.published?.(this.#report(messages, began))
      for (const entry of batch) this.#answer(entry, undefined)
    } catch (thrown) {
      this.#answerEach(batch, messages, thrown, began)
    }
  }

  /** Answers a caller as soon as all of theirs is stored. */
  #storedOf(batch: readonly Entry[]): (index: number) => void {
    const owners = batch.flatMap((entry) => entry.messages.map(() => entry))
    return (index) => {
      const entry = owners[index]
      if (entry !== undefined && --entry.left === 0) this.#answer(entry, undefined)
    }
  }

  #answerEach(batch: readonly Entry[], messages: readonly WireMessage[], thrown: unknown, began: number): void {
    const error = toError(thrown)
    const failed = error instanceof PublishError && error.failed !== undefined ? new Set(error.failed) : undefined
    const affected = failed === undefined ? messages : messages.filter((_, index) => failed.has(index))
    this.#hooks.publishFailed?.({ ...this.#report(affected, began), error })
    if (affected.length < messages.length) {
      const stored = messages.filter((_, index) => failed?.has(index) === false)
      this.#hooks.published?.(this.#report(stored, began))
    }
    let offset = 0
    for (const entry of batch) {
      const indexes = entry.messages.map((_, index) => index).filter((index) => failed === undefined || failed.has(offset + index))
      offset += entry.messages.length
      if (indexes.length === 0) this.#answer(entry, undefined)
      else if (failed === undefined || entry.messages.length === 1) this.#answer(entry, error)
      else this.#answer(entry, new PublishError(error.message, { cause: error, failed: indexes, outcome: (error as PublishError).outcome }))
    }
  }

  #answer(entry: Entry, error: Error | undefined): void {
    this.#open.delete(entry)
    if (entry.onAbort !== undefined) entry.signal?.removeEventListener('abort', entry.onAbort)
    if (error === undefined) entry.resolve()
    else entry.reject(error)
  }

  #failed(messages: readonly WireMessage[], thrown: unknown, began: number): Error {
    const error = toError(thrown)
    this.#hooks.publishFailed?.({ ...this.#report(messages, began), error })
    return error
  }

  #report(messages: readonly WireMessage[], began: number): PublishedEvent {
    return { broker: this.#outlet.name, messages, durationMs: performance.now() - began }
  }

  #track(flight: Promise<void>): void {
    this.#flying.add(flight)
    const landed = (): void => void this.#flying.delete(flight)
    flight.then(landed, landed)
  }
}

function notSent(signal: AbortSignal): PublishError {
  return new PublishError('Publishing was aborted before the event was sent.', { outcome: 'failed', cause: signal.reason })
}
