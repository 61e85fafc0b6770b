import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.js'
import { PrivateProcess, started } from './private-process.js'
import { rabbitMqAnswers } from './rabbitmq-probe.js'

export interface PrivateRabbitMqOptions {
  /** A free one where it is not said. It stays the same over restarts. */
  readonly port?: number | undefined
  readonly password?: string | undefined
  /** More lines of `rabbitmq.conf`. */
  readonly settings?: readonly string[] | undefined
  /** What nodes of one cluster know each other by. Such nodes elect leaders among themselves. */
  readonly cookie?: string | undefined
}

const run = promisify(execFile)
const startLimitMs = 60_000
const username = 'guest'
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
  const { cookie } = options
  return started(new PrivateRabbitMq(options.port ?? (await freePort()), await freePort(), folder, options), async () => {
    if (cookie !== undefined) await writeFile(join(folder, '.erlang.cookie'), cookie, { mode: 0o400 })
  })
}

/** A server that a test may kill, freeze, block and bring back. */
export class PrivateRabbitMq extends PrivateProcess {
  readonly username: 'guest' = username
  readonly password: string
  /** What the other nodes of a cluster call it. */
  readonly nodeName: string
  readonly #folder: string
  readonly #environment: NodeJS.ProcessEnv
  readonly #settings: readonly string[]
  readonly #isAlone: boolean
  #wasKilled = false

  constructor(port: number, distributionPort: number, folder: string, options: PrivateRabbitMqOptions) {
    const { password = 'guest', settings = [], cookie } = options
    const nodeName = `interline-${randomBytes(6).toString('hex')}@localhost`
    const environment = environmentOf(folder, nodeName, distributionPort)
    super({
      name: 'rabbitmq-server',
      binary: program('rabbitmq-server'),
      port,
      folder,
      arguments: [],
      surroundings: { env: environment, cwd: folder },
      startLimitMs,
      answers: () => rabbitMqAnswers({ port, username, password }),
    })
    this.password = password
    this.nodeName = nodeName
    this.#isAlone = cookie === undefined
    this.#folder = folder
    this.#environment = environment
    this.#settings = [
      `listeners.tcp.local = 127.0.0.1:${port}`,
      `default_user = ${username}`,
      `default_pass = ${password}`,
      'disk_free_limit.absolute = 50MB',
      ...settings,
    ]
  }

  get url(): string {
    return `amqp://${this.username}:${encodeURIComponent(this.password)}@127.0.0.1:${this.port}`
  }

  override async start(): Promise<void> {
    if (this.running) return
    await writeFile(join(this.#folder, 'rabbitmq.conf'), this.#settings.map((line) => `${line}\n`).join(''))
    await writeFile(join(this.#folder, 'enabled_plugins'), '[].\n')
    await super.start()
    if (this.#wasKilled && this.#isAlone) await this.control('eval', electLeaders)
  }

  override async kill(): Promise<void> {
    if (this.running) this.#wasKilled = true
    await super.kill()
  }

  /** `rabbitmqctl`, for this node. */
  async control(...words: readonly string[]): Promise<string> {
    const { stdout } = await run(program('rabbitmqctl'), [...words], { env: this.#environment, cwd: this.#folder })
    return stdout
  }
}

function environmentOf(folder: string, nodeName: string, distributionPort: number): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    LANG: 'C.UTF-8',
    // the cookie lies there
    HOME: folder,
    RABBITMQ_NODENAME: nodeName,
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

function program(name: string): string {
  const path = join(debianFolder, name)
  return existsSync(path) ? path : name
}
