import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { waitFor } from '../waiting/wait-for.js'
import { atExit, notAtExit } from './at-exit.js'

const defaults = { startLimitMs: 10_000 } as const

/** How a server is started. */
export interface ServerCommand {
  /** What errors call it: the name of its program and of its Debian package, where `binary` and `install` don't say more. */
  readonly name: string
  /** Its program, where it is not the one of that name in the PATH. */
  readonly binary?: string | undefined
  /** What to do where its program is missing. */
  readonly install?: string | undefined
  readonly port: number
  /** Its data, which goes away with it. */
  readonly folder: string
  readonly arguments: readonly string[]
  readonly surroundings?: Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'> | undefined
  readonly startLimitMs?: number | undefined
  /** Starts it once more where it ends before it answers, instead of an error, until the limit. */
  readonly insists?: boolean | undefined
  answers(): Promise<boolean>
}

/** A server that a test may kill, freeze and bring back. */
export abstract class PrivateProcess implements AsyncDisposable {
  readonly #command: ServerCommand
  #process: ChildProcess | undefined
  #failure: Error | undefined

  constructor(command: ServerCommand) {
    this.#command = command
  }

  get port(): number {
    return this.#command.port
  }

  get running(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
  }

  async start(): Promise<void> {
    if (this.running) return
    const { name, port, insists = false, startLimitMs = defaults.startLimitMs } = this.#command
    let child = this.#spawn()
    atExit(this.#killAtExit)
    await waitFor(
      async () => {
        if (this.#failure !== undefined) throw this.#failure
        if (child.exitCode !== null) {
          if (!insists) throw new Error(`${name} on port ${port} ended with code ${child.exitCode}. Is the port taken?`)
          child = this.#spawn()
        }
        return this.#command.answers()
      },
      { limitMs: startLimitMs, what: `${name} on port ${port} to answer` },
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
    // children of a killed server may still write for a moment
    await rm(this.#command.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #spawn(): ChildProcess {
    const { name, binary = name, arguments: words, surroundings } = this.#command
    const { install = `Install it (Debian: apt-get install ${name}) or put it in the PATH.` } = this.#command
    const child = spawn(binary, [...words], { ...surroundings, stdio: 'ignore' })
    this.#failure = undefined
    child.once('error', (cause) => {
      this.#failure = new Error(`${name} could not be started. ${install}`, { cause })
    })
    this.#process = child
    return child
  }

  readonly #killAtExit = (): void => {
    if (this.running) this.#process?.kill('SIGKILL')
  }
}

/** Gives the server once it is prepared and runs, and leaves nothing behind where it does not. */
export async function started<Server extends PrivateProcess>(server: Server, prepare?: () => Promise<void>): Promise<Server> {
  try {
    await prepare?.()
    await server.start()
  } catch (error) {
    await server.close()
    throw error
  }
  return server
}
