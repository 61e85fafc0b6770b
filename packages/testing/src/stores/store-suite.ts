import assert from 'node:assert/strict'
import type { Awaitable } from '@interline/core'
import type { Limits, Scale } from '../contract/broker-options.js'
import { report } from '../runner/report.js'
import { runnerOrGlobal, type TestRunner } from '../runner/test-runner.js'
import { within } from '../waiting/wait-for.js'

/** One configuration of a store. */
export interface TestStoreOptions<Store> {
  /** A new store. Stores of one namespace share what they keep, as those of several processes do, unless `shared` is false. */
  create(namespace: string): Awaitable<Store>
  /** A new store that keeps only the newest `maxEvents`, for the case of retention, which is left out without it. */
  readonly retaining?: ((namespace: string, maxEvents: number) => Awaitable<Store & Retaining>) | undefined
  /** False for a store in memory, of which a namespace has one instance. Default: true. */
  readonly shared?: boolean | undefined
  readonly cleanUp?: ((namespace: string) => Promise<void> | void) | undefined
  /** Cases that this configuration does not run, each with the reason. */
  readonly leaveOut?: Readonly<Record<string, string>> | undefined
  readonly runner?: TestRunner | undefined
  readonly scale?: Scale | undefined
  readonly limits?: Partial<Limits> | undefined
}

export interface StoreCase<Store extends object> {
  readonly id: string
  readonly title: string
  run(room: StoreRoom<Store>): Promise<void>
}

/** A store that can be told to remove now what it no longer keeps. */
export interface Retaining {
  applyRetention?(): Awaitable<unknown>
}

interface Closable {
  connect?(): Awaitable<void>
  close?(): Awaitable<void>
}

const defaultLimits: Limits = { gapMs: 10_000, caseMs: 120_000 }
let rooms = 0

/** What one case works in. */
export class StoreRoom<Store extends object> {
  readonly namespace: string
  readonly limits: Limits
  readonly #options: TestStoreOptions<Store>
  readonly #scale: Scale
  readonly #stores: Promise<Store>[] = []

  constructor(options: TestStoreOptions<Store>, scale: Scale, limits: Limits) {
    rooms += 1
    this.namespace = `it-${process.pid.toString(36)}-s${rooms.toString(36)}-${Math.random().toString(36).slice(2, 8)}`
    this.#options = options
    this.#scale = scale
    this.limits = limits
  }

  count(full: number, short: number): number {
    return this.#scale === 'full' ? full : short
  }

  /** As another process would have it. */
  store(): Promise<Store> {
    const [first] = this.#stores
    if (first !== undefined && this.#options.shared === false) return first
    const store = this.#open((namespace) => this.#options.create(namespace))
    this.#stores.push(store)
    return store
  }

  retaining(maxEvents: number): Promise<Store & Retaining> {
    const make = this.#options.retaining ?? assert.fail('The configuration gives no store with retention.')
    const store = this.#open((namespace) => make(namespace, maxEvents))
    this.#stores.push(store)
    return store
  }

  async #open<Made extends Store>(create: (namespace: string) => Awaitable<Made>): Promise<Made> {
    const store = await create(this.namespace)
    await (store as Closable).connect?.()
    return store
  }

  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const store of this.#stores) {
      try {
        await ((await store) as Closable).close?.()
      } catch (error) {
        failures.push(error)
      }
    }
    await this.#options.cleanUp?.(this.namespace)
    assert.deepEqual(failures, [], 'closing the stores of a case must succeed')
  }
}

export function registerStoreCases<Store extends object>(
  suite: string,
  name: string,
  options: TestStoreOptions<Store>,
  cases: readonly StoreCase<Store>[],
): void {
  const runner = runnerOrGlobal(options.runner)
  const scale = options.scale ?? (process.env.INTERLINE_SCALE === 'full' ? 'full' : 'short')
  const limits = { ...defaultLimits, ...options.limits }
  runner.describe(name, () => {
    for (const { id, title, run } of cases) {
      const about = { kind: 'case', suite, configuration: name, id, title } as const
      const reason = options.leaveOut?.[id]
      if (reason !== undefined) {
        report({ ...about, outcome: 'left-out', reason })
        continue
      }
      runner.it(
        `${id} ${title}`,
        async () => {
          const room = new StoreRoom(options, scale, limits)
          let outcome: 'passed' | 'failed' = 'failed'
          try {
            await within(run(room), limits.caseMs, `The case ${id}`)
            outcome = 'passed'
          } finally {
            await room.close()
            report({ ...about, outcome })
          }
        },
        limits.caseMs,
      )
    }
  })
}

/** Everything an asynchronous iterable gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}
