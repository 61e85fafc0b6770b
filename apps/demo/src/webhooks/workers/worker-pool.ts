import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Severity } from '../handlers/severity-scale.js'
import type { Answer, Order, WorkerSettings } from './messages.js'

const program = new URL('./worker.js', import.meta.url)
/** Longer than a bus takes to close. */
const longestStopMs = 20_000

interface Worker {
  readonly number: number
  readonly process: ChildProcess
  /** Ended because it was told to. */
  dismissed: boolean
}

/** The consumers, as processes of their own. One may die: the broker hands its events to the others. */
export class WorkerPool implements AsyncDisposable {
  readonly #settings: WorkerSettings
  readonly #say: (text: string) => void
  readonly #workers = new Set<Worker>()
  readonly #learned: { word: string; severity: Severity }[] = []
  #started = 0
  #died = 0
  #closing = false

  private constructor(settings: WorkerSettings, say: (text: string) => void) {
    this.#settings = settings
    this.#say = say
  }

  /** Resolves when all of them consume: a group that does not exist yet would miss what is published. */
  static async start(count: number, settings: WorkerSettings, say: (text: string) => void): Promise<WorkerPool> {
    const pool = new WorkerPool(settings, say)
    try {
      await Promise.all(Array.from({ length: count }, () => pool.#hire()))
    } catch (thrown) {
      await pool[Symbol.asyncDispose]()
      throw thrown
    }
    return pool
  }

  /** Workers that ended before they were told to. */
  get died(): number {
    return this.#died
  }

  async learn(word: string, severity: Severity): Promise<void> {
    this.#learned.push({ word, severity })
    await Promise.all([...this.#workers].map((worker) => ask(worker, { kind: 'learn', word, severity }, 'learned').catch(() => undefined)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    await Promise.all([...this.#workers].map((worker) => this.#dismiss(worker)))
  }

  async #dismiss(worker: Worker): Promise<void> {
    const { process: child } = worker
    worker.dismissed = true
    const exit = once(child, 'exit')
    const timer = setTimeout(() => child.kill('SIGKILL'), longestStopMs)
    if (child.connected) child.send({ kind: 'stop' } satisfies Order, () => undefined)
    await exit
    clearTimeout(timer)
  }

  async #hire(): Promise<void> {
    const child = fork(program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] })
    const worker: Worker = { number: ++this.#started, process: child, dismissed: false }
    this.#workers.add(worker)
    child.on('exit', (code, signal) => this.#ended(worker, signal ?? `exit code ${code}`))
    await ask(worker, { kind: 'start', settings: this.#settings }, 'ready')
    this.#say(`worker ${worker.number}: pid ${child.pid}`)
    for (const { word, severity } of this.#learned) await ask(worker, { kind: 'learn', word, severity }, 'learned')
  }

  #ended(worker: Worker, how: string): void {
    this.#workers.delete(worker)
    if (worker.dismissed || this.#closing) return
    this.#died++
    const left = this.#workers.size
    const next = left === 0 ? 'Nobody is left: starting another.' : `The ${left === 1 ? 'one' : left} left will finish its work.`
    this.#say(`worker ${worker.number} (pid ${worker.process.pid}) died of ${how}. ${next}`)
    if (left === 0) this.#hire().catch((thrown: unknown) => this.#say(`The new worker did not start: ${String(thrown)}`))
  }
}

/** Rejects where the worker ends, or says that it failed, instead of answering. */
function ask({ process: child }: Worker, order: Order, wanted: Answer['kind']): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error): void => {
      child.off('message', onAnswer)
      child.off('exit', onExit)
      if (error === undefined) resolve()
      else reject(error)
    }
    const onExit = (): void => done(new Error(`Worker ${child.pid} ended before it was ${wanted}.`))
    const onAnswer = (answer: Answer): void => {
      if (answer.kind === wanted) done()
      else if (answer.kind === 'failed') done(new Error(answer.message))
    }
    child.on('message', onAnswer)
    child.once('exit', onExit)
    child.send(order, (error) => error !== null && done(error))
  })
}
