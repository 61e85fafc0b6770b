import type { ChildProcess } from 'node:child_process'
import { startProgram } from '../crash/compiled-program.js'
import type { Arrival } from './recording-outlet.js'

/** What a relay's process is told on its command line. */
export interface RelayOrders {
  /** Exports `createOutbox(namespace, ...args)`. */
  readonly module: string
  readonly args: readonly string[]
  readonly namespace: string
}

/** A relay in a process of its own. */
export class RelayProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #errors: string[] = []

  constructor(orders: RelayOrders, arrived: (arrivals: readonly Arrival[]) => void) {
    this.#child = startProgram('../outbox/relay-program.js', orders)
    this.#child.on('message', (arrivals: readonly Arrival[]) => arrived(arrivals))
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#errors.push(chunk.toString()))
  }

  get errors(): string {
    return this.#errors.join('').trim()
  }

  /** `kill -9`, and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise<void>((resolve) => this.#child.once('close', () => resolve()))
    this.#child.kill('SIGKILL')
    await gone
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}
