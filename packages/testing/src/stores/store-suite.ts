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
  /** A new store that keeps only the newest `maxEvents`, for the cases of retention, which are left out without it. */
  readonly retaining?: ((namespace: string, retention: Retention) => Awaitable<Store & Retaining>) | undefined
  /** A durable server of the suite's own, to be killed. Needed by S14, which is left out without it. */
  readonly server?: (() => Promise<PrivateStoreServer<Store>>) | undefined
  /** How a child process makes the same store, for the case in which it is killed, which is left out without it. */
  readonly processes?: StoreProcessOptions | undefined
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

export interface StoreProcessOptions {
  /** Exports `createStore(namespace, ...args)`, for the compiled packages. */
  readonly module: URL | string
  readonly args?: readonly string[] | undefined
}

export interface Retention {
  readonly maxEvents: number
  /** What a reader with a checkpoint has not passed, default `keep`. */
  readonly unread?: 'keep' | 'remove' | undefined
}

export interface PrivateStoreServer<Store> extends AsyncDisposable {
  /** A store on it that gives an append up soon: while the server is gone, the writers go on trying. */
  create(namespace: string): Awaitable<Store>
  /** `kill -9`. */
  kill(): Promise<void>
  /** The same address and data again. */
  start(): Promise<void>
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
  readonly #namespaces: string[]
  #server: PrivateStoreServer<Store> | undefined

  constructor(options: TestStoreOptions<Store>, scale: Scale, limits: Limits) {
    rooms += 1
    this.namespace = `it-${process.pid.toString(36)}-s${rooms.toString(36)}-${Math.random().toString(36).slice(2, 8)}`
    this.#namespaces = [this.namespace]
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
    return this.#open((namespace) => this.#options.create(namespace))
  }

  /** A store that shares nothing with the others. */
  elsewhere(): Promise<Store> {
    const elsewhere = `${this.namespace}-elsewhere`
    this.#namespaces.push(elsewhere)
    return this.#open(() => this.#options.create(elsewhere))
  }

  /** What a process is told that is to have this room's store; `undefined` where the configuration gives none. */
  get processes(): { readonly module: string; readonly args: readonly string[]; readonly namespace: string } | undefined {
    const { processes } = this.#options
    return processes && { module: String(processes.module), args: processes.args ?? [], namespace: this.namespace }
  }

  retaining(retention: Retention): Promise<Store & Retaining> {
    const make = this.#options.retaining ?? assert.fail('The configuration gives no store with retention.')
    return this.#open((namespace) => make(namespace, retention))
  }

  /** A store on a server that the case may kill. The server ends with the case. */
  async onServer(): Promise<{ readonly server: PrivateStoreServer<Store>; readonly store: Store }> {
    const start = this.#options.server ?? assert.fail('The configuration gives no server that may be killed.')
    const server = await start()
    this.#server = server
    return { server, store: await this.#open((namespace) => server.create(namespace)) }
  }

  #open<Made extends Store>(create: (namespace: string) => Awaitable<Made>): Promise<Made> {
    const opened = (async () => {
      const store = await create(this.namespace)
      await (store as Closable).connect?.()
      return store
    })()
    this.#stores.push(opened)
    return opened
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
    await this.#server?.[Symbol.asyncDispose]()
    for (const namespace of this.#namespaces) await this.#options.cleanUp?.(namespace)
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
  const scale = options.scale ?? (process.env.INTERLINE_TEST_SCALE === 'full' ? 'full' : 'short')
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
