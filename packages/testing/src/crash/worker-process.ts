import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { WaitOptions } from '../waiting/wait-for.js'
import { waitFor } from '../waiting/wait-for.js'
import type { BuriedEvent, WorkerOrders, WorkerReport } from './worker-messages.js'

type Run = Extract<WorkerReport, { readonly id: string }>

/** A consumer in a process of its own. */
export class WorkerProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #runs: Run[] = []
  readonly #buried: BuriedEvent[] = []
  readonly #errors: string[] = []
  #ready = false

  private constructor(orders: WorkerOrders) {
    // Neither the loader nor the environment of the test runner is for the worker.
    const { NODE_OPTIONS: _ours, ...env } = process.env
    this.#child = fork(workerProgram(), [JSON.stringify(orders)], { execArgv: [], env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.#child.on('message', (report: WorkerReport) => {
      if (report.kind === 'ready') this.#ready = true
      else if (report.kind === 'buried') this.#buried.push(report)
      else this.#runs.push(report)
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#errors.push(chunk.toString()))
  }

  static async start(orders: WorkerOrders, options: WaitOptions = {}): Promise<WorkerProcess> {
    const worker = new WorkerProcess(orders)
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

  /** `kill -9`, and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.ended) return
    const gone = new Promise<void>((resolve) => this.#child.once('close', () => resolve()))
    this.#child.kill('SIGKILL')
    await gone
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}

/** The compiled program, also where this file runs from its source. */
function workerProgram(): string {
  const here = new URL('./worker-program.js', import.meta.url)
  const path = fileURLToPath(here).replace(/([\\/])src([\\/]crash[\\/])/, '$1dist$2')
  if (existsSync(path)) return path
  throw new Error('Worker processes run the compiled package, and it is not there. Build first: tsc -b.')
}
