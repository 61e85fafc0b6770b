import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '../waiting/wait-for.js'
import { freePort } from './free-port.js'
import { redisAnswers } from './redis-probe.js'

export interface PrivateRedisOptions {
  /** A free one where it is not said. It stays the same over restarts. */
  readonly port?: number | undefined
  /** Keeps what was acknowledged over a kill. On by default. */
  readonly appendOnly?: boolean | undefined
  readonly requirePass?: string | undefined
  /** More arguments of `redis-server`, such as `['--maxmemory', '50mb']`. */
  readonly arguments?: readonly string[] | undefined
}

const startLimitMs = 10_000

/** Starts a Redis of the test's own, with a data folder that goes away with it. Needs `redis-server` in the PATH. */
export async function startRedis(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'interline-redis-'))
  const redis = new PrivateRedis(options.port ?? (await freePort()), folder, options)
  try {
    await redis.start()
  } catch (error) {
    await redis.close()
    throw error
  }
  return redis
}

/** A server that a test may kill, freeze and bring back. */
export class PrivateRedis implements AsyncDisposable {
  readonly port: number
  readonly #folder: string
  readonly #options: PrivateRedisOptions
  #process: ChildProcess | undefined

  constructor(port: number, folder: string, options: PrivateRedisOptions) {
    this.port = port
    this.#folder = folder
    this.#options = options
  }

  get url(): string {
    const { requirePass } = this.#options
    return `redis://${requirePass === undefined ? '' : `:${encodeURIComponent(requirePass)}@`}127.0.0.1:${this.port}`
  }

  get running(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
  }

  async start(): Promise<void> {
    if (this.running) return
    const { appendOnly = true, requirePass, arguments: more = [] } = this.#options
    const words = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--dir',
      this.#folder,
      '--appendonly',
      appendOnly ? 'yes' : 'no',
    ]
    if (requirePass !== undefined) words.push('--requirepass', requirePass)
    const child = spawn('redis-server', [...words, ...more], { stdio: 'ignore' })
    this.#process = child
    let failure: Error | undefined
    child.once('error', (error) => {
      failure = new Error('redis-server could not be started. Install it (Debian: apt-get install redis-server) or put it in the PATH.', {
        cause: error,
      })
    })
    process.once('exit', this.#killAtExit)
    await waitFor(
      async () => {
        if (failure !== undefined) throw failure
        if (child.exitCode !== null)
          throw new Error(`redis-server on port ${this.port} ended with code ${child.exitCode}. Is the port taken?`)
        return redisAnswers({ port: this.port, password: requirePass })
      },
      { limitMs: startLimitMs, what: `redis-server on port ${this.port} to answer` },
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
    process.removeListener('exit', this.#killAtExit)
    await rm(this.#folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  readonly #killAtExit = (): void => {
    if (this.running) this.#process?.kill('SIGKILL')
  }
}
