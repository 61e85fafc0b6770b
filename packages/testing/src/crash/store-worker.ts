import type { ChildProcess } from 'node:child_process'
import { waitFor } from '../waiting/wait-for.js'
import { startProgram } from './compiled-program.js'

/** What a process is told that subscribes to a store. */
export interface StoreWorkerOrders {
  /** Exports `createStore(namespace, ...args)`. */
  readonly module: string
  readonly args: readonly string[]
  readonly namespace: string
  readonly name: string
  readonly leaseMs: number
}

/** What it tells; an event before its handler ends, so that the parent knows of all that were handled. */
export type StoreWorkerReport = { readonly kind: 'ready' } | { readonly kind: 'handled'; readonly position: string }

/** A subscription in a process of its own, to be ended by `kill -9`. */
export class StoreWorker implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #errors: string[] = []
  #ready = false

  private constructor(orders: StoreWorkerOrders, handled: (position: string) => void) {
    this.#child = startProgram('./store-worker-program.js', orders)
    this.#child.on('message', (report: StoreWorkerReport) => {
      if (report.kind === 'ready') this.#ready = true
      else handled(report.position)
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#errors.push(chunk.toString()))
  }

  static async start(orders: StoreWorkerOrders, handled: (position: string) => void): Promise<StoreWorker> {
    const worker = new StoreWorker(orders, handled)
    await waitFor(() => worker.#ready || worker.#ended, { what: 'the worker process to be ready', limitMs: 30_000 })
    if (worker.#ready) return worker
    throw new Error(`The worker process ended before it was ready: ${worker.#errors.join('').trim()}`)
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** `kill -9`, and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.#ended) return
    const gone = new Promise<void>((resolve) => this.#child.once('close', () => resolve()))
    this.#child.kill('SIGKILL')
    await gone
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}
