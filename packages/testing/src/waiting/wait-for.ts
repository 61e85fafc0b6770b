import { performance } from 'node:perf_hooks'

export interface WaitOptions {
  /** How long the condition may stay unmet without any progress. */
  readonly limitMs?: number | undefined
  /** What is waited for, for the error. */
  readonly what?: string | undefined
  /** A figure that changes while things go on; each change starts the limit anew, so that it bounds a gap and not the whole. */
  readonly progress?: (() => unknown) | undefined
  readonly signal?: AbortSignal | undefined
}

const defaults = { limitMs: 5_000, what: 'a condition' } as const
const pollMs = 2

/** Resolves as soon as the condition holds. Rejects when nothing moved for `limitMs`. A condition that throws rejects at once. */
export async function waitFor(condition: () => boolean | Promise<boolean>, options: WaitOptions = {}): Promise<void> {
  const limitMs = options.limitMs ?? defaults.limitMs
  const what = options.what ?? defaults.what
  let lastProgress = options.progress?.()
  let since = performance.now()
  while (!(await condition())) {
    options.signal?.throwIfAborted()
    const progress = options.progress?.()
    if (progress !== lastProgress) {
      lastProgress = progress
      since = performance.now()
    }
    if (performance.now() - since > limitMs) {
      const at = options.progress === undefined ? '' : ` It stood at ${String(progress)}.`
      throw new Error(`Waited ${limitMs} ms for ${what}, and nothing moved.${at}`)
    }
    await pause(pollMs)
  }
}

/** By a clock that every process of the machine shares and nobody sets. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** For how long something lasts: a fault, a pace. What is waited for has a condition. */
export function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs))
}

/** Rejects when the promise has not settled after `limitMs`; otherwise what the promise gives. */
export async function within<T>(promise: Promise<T> | T, limitMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not settle within ${limitMs} ms.`)), limitMs)
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    clearTimeout(timer)
  }
}

/** A promise to be settled by hand: a door that a handler waits at. */
export class Gate {
  readonly opened: Promise<void>
  #open: () => void = () => undefined

  constructor() {
    this.opened = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  open(): void {
    this.#open()
  }
}
