import type { ChildProcess } from 'node:child_process'
import type { WaitOptions } from '../waiting/wait-for.js'
import { waitFor } from '../waiting/wait-for.js'
import { startProgram } from './compiled-program.js'
import type { BuriedEvent, WorkerOrders, WorkerReport, WorkerRun } from './worker-messages.js'

type Run = WorkerRun & { readonly kind: 'began' | 'handled' }

export interface WorkerStartOptions extends WaitOptions {
  /** Told of everything that the worker says, as it says it. */
  readonly listen?: ((report: WorkerReport) => void) | undefined
}

/** A consumer in a process of its own. */
export class WorkerProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #runs: Run[] = []
  readonly #buried: BuriedEvent[] = []
  readonly #lost = new Set<string>()
  readonly #errors: string[] = []
  #ready = false

  private constructor(orders: WorkerOrders, listen?: (report: WorkerReport) => void) {
    this.#child = startProgram('./worker-program.js', orders, orders.heapMegabytes)
    this.#child.on('message', (report: WorkerReport) => {
      if (report.kind === 'ready') this.#ready = true
      else if (report.kind === 'buried') this.#buried.push(report)
      else if (report.kind === 'lost') this.#lost.add(report.id)
      else if (report.kind !== 'cut-off') this.#runs.push(report)
      listen?.(report)
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#errors.push(chunk.toString()))
  }

  static async start(orders: WorkerOrders, { listen, ...options }: WorkerStartOptions = {}): Promise<WorkerProcess> {
    const worker = new WorkerProcess(orders, listen)
    await waitFor(() => worker.#ready || worker.ended, { what: 'the worker process to be ready', ...options })
    // One whose first event is its end may be gone before it said that it was ready.
    if (worker.#ready || worker.#runs.length > 0) return worker
    throw new Error(`The worker process ended before it was ready: ${worker.#errors.join('').trim()}`)
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Runs that began, in their order. */
  get began(): readonly Run[] {
    return this.#runs.filter(({ kind }) => kind === 'began')
  }

  get handled(): readonly Run[] {
    return this.#runs.filter(({ kind }) => kind === 'handled')
  }

  /** Its dead letters. */
  get buried(): readonly BuriedEvent[] {
    return this.#buried
  }

  /** Events whose delivery it knows to have lost. */
  get lost(): ReadonlySet<string> {
    return this.#lost
  }

  /** `kill -9`, and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.ended) return
    const gone = new Promise<void>((resolve) => this.#child.once('close', () => resolve()))
    this.#child.kill('SIGKILL')
    await gone
  }

  /** Asks it to end (SIGTERM), and gives its exit code once it has, or `undefined` where a signal ended it. */
  async leave(): Promise<number | undefined> {
    const gone = new Promise<void>((resolve) => this.#child.once('close', () => resolve()))
    if (!this.ended) {
      this.#child.kill('SIGTERM')
      await gone
    }
    return this.#child.exitCode ?? undefined
  }

  /** Freezes it (SIGSTOP): its connections stay open, and it neither renews nor answers. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}
