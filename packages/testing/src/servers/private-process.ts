import { type ChildProcess, spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { waitFor } from '../waiting/wait-for.js'
import { atExit, notAtExit } from './at-exit.js'

const startLimitMs = 10_000

/** How a server is started. Its Debian package has the same name as its binary. */
export interface ServerCommand {
  readonly binary: string
  readonly port: number
  /** Its data, which goes away with it. */
  readonly folder: string
  readonly arguments: readonly string[]
  answers(): Promise<boolean>
}

/** A server that a test may kill, freeze and bring back. */
export abstract class PrivateProcess implements AsyncDisposable {
  readonly #command: ServerCommand
  #process: ChildProcess | undefined

  constructor(command: ServerCommand) {
    this.#command = command
  }

  abstract readonly url: string

  get port(): number {
    return this.#command.port
  }

  get running(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
  }

  async start(): Promise<void> {
    if (this.running) return
    const { binary, port } = this.#command
    const child = spawn(binary, [...this.#command.arguments], { stdio: 'ignore' })
    this.#process = child
    let failure: Error | undefined
    child.once('error', (cause) => {
      failure = new Error(`${binary} could not be started. Install it (Debian: apt-get install ${binary}) or put it in the PATH.`, {
        cause,
      })
    })
    atExit(this.#killAtExit)
    await waitFor(
      async () => {
        if (failure !== undefined) throw failure
        if (child.exitCode !== null) throw new Error(`${binary} on port ${port} ended with code ${child.exitCode}. Is the port taken?`)
        return this.#command.answers()
      },
      { limitMs: startLimitMs, what: `${binary} on port ${port} to answer` },
    )
  }

  /** `kill -9`, and waits until it is gone. */
  async kill(): Promise<void> {
    const child = this.#process
    if (child === undefined || !this.running) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill('SIGKILL')
    await gone
  }

  /** `kill -9`, then the same port and data again. */
  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** Freezes it: connections stay open and nothing answers (SIGSTOP). */
  pause(): void {
    this.#process?.kill('SIGSTOP')
  }

  resume(): void {
    this.#process?.kill('SIGCONT')
  }

  async close(): Promise<void> {
    await this.kill()
    notAtExit(this.#killAtExit)
    await rm(this.#command.folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  readonly #killAtExit = (): void => {
    if (this.running) this.#process?.kill('SIGKILL')
  }
}

/** Gives the server once it runs, and leaves nothing behind where it does not. */
export async function started<Server extends PrivateProcess>(server: Server): Promise<Server> {
  try {
    await server.start()
  } catch (error) {
    await server.close()
    throw error
  }
  return server
}
