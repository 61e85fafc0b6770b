import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { waitFor } from '../waiting/wait-for.js'
import { atExit, notAtExit } from './at-exit.js'
import { freePort } from './free-port.js'
import { rabbitMqAnswers } from './rabbitmq-probe.js'

export interface PrivateRabbitMqOptions {
  /** A free one where it is not said. It stays the same over restarts. */
  readonly port?: number | undefined
  readonly password?: string | undefined
  /** More lines of `rabbitmq.conf`. */
  readonly settings?: readonly string[] | undefined
}

const run = promisify(execFile)
const startLimitMs = 60_000
/**
 * A node that was killed while it wrote leaves quorum queues as followers for ever where it is the only one (3.10.8; rabbitmq/ra#179,
 * rabbitmq-server#10070). In a cluster the others elect; here it has to be asked for, as an operator would.
 */
const electLeaders = '[ra:trigger_election({Name, node()}) || {Name, follower} <- ets:tab2list(ra_state)], ok.'
/** Where Debian keeps the programs themselves; those in its PATH change the user, and take no environment along. */
const debianFolder = '/usr/lib/rabbitmq/bin'

/** Starts a RabbitMQ node of the test's own, on loopback, with folders that go away with it. Needs `rabbitmq-server`. */
export async function startRabbitMq(options: PrivateRabbitMqOptions = {}): Promise<PrivateRabbitMq> {
  const folder = await mkdtemp(join(tmpdir(), 'interline-rabbitmq-'))
  const node = new PrivateRabbitMq(options.port ?? (await freePort()), await freePort(), folder, options)
  try {
    await node.start()
  } catch (error) {
    await node.close()
    throw error
  }
  return node
}

/** A server that a test may kill, freeze, block and bring back. */
export class PrivateRabbitMq implements AsyncDisposable {
  readonly port: number
  readonly username = 'guest'
  readonly password: string
  readonly #folder: string
  readonly #environment: NodeJS.ProcessEnv
  readonly #settings: readonly string[]
  #process: ChildProcess | undefined
  #wasKilled = false

  constructor(port: number, distributionPort: number, folder: string, { password = 'guest', settings = [] }: PrivateRabbitMqOptions) {
    this.port = port
    this.password = password
    this.#folder = folder
    this.#settings = [
      `listeners.tcp.local = 127.0.0.1:${port}`,
      `default_user = ${this.username}`,
      `default_pass = ${password}`,
      'disk_free_limit.absolute = 50MB',
      ...settings,
    ]
    this.#environment = {
      PATH: process.env.PATH,
      LANG: 'C.UTF-8',
      // the cookie lies there
      HOME: folder,
      RABBITMQ_NODENAME: `interline-${randomBytes(6).toString('hex')}@localhost`,
      RABBITMQ_DIST_PORT: String(distributionPort),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      // the script becomes the server, so that what is killed is the server
      RUNNING_UNDER_SYSTEMD: 'true',
    }
  }

  get url(): string {
    return `amqp://${this.username}:${encodeURIComponent(this.password)}@127.0.0.1:${this.port}`
  }

  get running(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
  }

  async start(): Promise<void> {
    if (this.running) return
    await writeFile(join(this.#folder, 'rabbitmq.conf'), this.#settings.map((line) => `${line}\n`).join(''))
    await writeFile(join(this.#folder, 'enabled_plugins'), '[].\n')
    const child = spawn(program('rabbitmq-server'), [], { stdio: 'ignore', env: this.#environment, cwd: this.#folder })
    this.#process = child
    let failure: Error | undefined
    child.once('error', (cause) => {
      const how = 'Install it (Debian: apt-get install rabbitmq-server) or put it in the PATH.'
      failure = new Error(`rabbitmq-server could not be started. ${how}`, { cause })
    })
    atExit(this.#killAtExit)
    await waitFor(
      async () => {
        if (failure !== undefined) throw failure
        if (child.exitCode !== null)
          throw new Error(`rabbitmq-server on port ${this.port} ended with code ${child.exitCode}. Is the port taken?`)
        return rabbitMqAnswers({ port: this.port, username: this.username, password: this.password })
      },
      { limitMs: startLimitMs, what: `rabbitmq-server on port ${this.port} to answer` },
    )
    if (this.#wasKilled) await this.control('eval', electLeaders)
  }

  /** `rabbitmqctl`, for this node. */
  async control(...words: readonly string[]): Promise<string> {
    const { stdout } = await run(program('rabbitmqctl'), [...words], { env: this.#environment, cwd: this.#folder })
    return stdout
  }

  /** `kill -9`, and waits until it is gone. */
  async kill(): Promise<void> {
    const child = this.#process
    if (child === undefined || !this.running) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    this.#wasKilled = true
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
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  readonly #killAtExit = (): void => {
    if (this.running) this.#process?.kill('SIGKILL')
  }
}

function program(name: string): string {
  const path = join(debianFolder, name)
  return existsSync(path) ? path : name
}
