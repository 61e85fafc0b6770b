import { execFile, spawn } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { waitFor } from '../waiting/wait-for.js'
import { findKafka } from './find-kafka.js'
import { natsAnswers } from './nats-probe.js'
import { postgresAnswers } from './postgres-probe.js'
import { rabbitMqAnswers } from './rabbitmq-probe.js'
import { redisAnswers } from './redis-probe.js'

const run = promisify(execFile)
const installLimitMs = 180_000

export interface FoundServer {
  readonly url: string
  /** How it was found, for the log. */
  readonly by: 'environment' | 'default port' | 'docker compose' | 'binary'
  /** Set where it was started for this run only, and has to be stopped at its end. */
  readonly close?: (() => Promise<void>) | undefined
}

interface KnownServer {
  readonly variable: string
  /** A more general one, asked where the first is not set. */
  readonly otherVariable?: string
  readonly defaultUrl: string
  readonly port: number
  readonly composeService: string
  readonly binary: string
  /** What starts it, where that is not the binary. */
  readonly starter?: string
  readonly arguments: readonly string[]
  readonly debianPackage: string
  /** How long it may take until a server that was just started answers. */
  readonly startLimitMs: number
  answers(url: string): Promise<boolean>
}

export type ServerName = 'kafka' | 'nats' | 'postgres' | 'rabbitmq' | 'redis'

const known: Readonly<Record<Exclude<ServerName, 'kafka'>, KnownServer>> = {
  postgres: {
    variable: 'POSTGRES_URL',
    otherVariable: 'DATABASE_URL',
    defaultUrl: 'postgresql://postgres@127.0.0.1:5432/postgres',
    port: 5432,
    composeService: 'postgres',
    binary: 'psql',
    starter: 'pg_ctlcluster',
    arguments: ['--skip-systemctl-redirect', '15', 'main', 'start'],
    debianPackage: 'postgresql',
    startLimitMs: 30_000,
    answers(url) {
      const { hostname, port, username, pathname } = new URL(url)
      const [user, database] = [username, pathname.slice(1)].map((text) => (text === '' ? undefined : decodeURIComponent(text)))
      return postgresAnswers({ host: hostname, port: port === '' ? 5432 : Number(port), user, database })
    },
  },
  nats: {
    variable: 'NATS_URL',
    defaultUrl: 'nats://127.0.0.1:4222',
    port: 4222,
    composeService: 'nats',
    binary: 'nats-server',
    arguments: ['-js', '-sd', join(tmpdir(), 'interline-nats'), '-a', '127.0.0.1', '-p', '4222'],
    startLimitMs: 15_000,
    debianPackage: 'nats-server',
    answers(url) {
      const { hostname, port, username, password } = new URL(url)
      const credentials = { user: decodeURIComponent(username), password: decodeURIComponent(password) }
      return natsAnswers({ host: hostname, port: port === '' ? 4222 : Number(port), ...credentials })
    },
  },
  redis: {
    variable: 'REDIS_URL',
    defaultUrl: 'redis://127.0.0.1:6379',
    port: 6379,
    composeService: 'redis',
    binary: 'redis-server',
    arguments: ['--port', '6379', '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    debianPackage: 'redis-server',
    startLimitMs: 15_000,
    answers(url) {
      const { hostname, port, password } = new URL(url)
      return redisAnswers({ host: hostname, port: port === '' ? 6379 : Number(port), password: decodeURIComponent(password) })
    },
  },
  rabbitmq: {
    variable: 'RABBITMQ_URL',
    defaultUrl: 'amqp://guest:guest@127.0.0.1:5672',
    port: 5672,
    composeService: 'rabbitmq',
    binary: 'rabbitmq-server',
    arguments: ['-detached'],
    debianPackage: 'rabbitmq-server',
    startLimitMs: 60_000,
    answers(url) {
      const { hostname, port, username, password } = new URL(url)
      const name = username === '' ? {} : { username: decodeURIComponent(username), password: decodeURIComponent(password) }
      return rabbitMqAnswers({ host: hostname, port: port === '' ? 5672 : Number(port), ...name })
    },
  },
}

/**
 * The server that tests use: the one its variable names (`REDIS_URL`), else one that answers on the default port, else one started by
 * docker compose or from the installed binary, which stays up for the next run. Rejects with one line that says what to install.
 */
export async function findServer(name: ServerName): Promise<FoundServer> {
  if (name === 'kafka') return findKafka()
  const server = known[name]
  const given = process.env[server.variable] ?? process.env[server.otherVariable ?? '']
  if (given !== undefined && given !== '') {
    if (await server.answers(given)) return { url: given, by: 'environment' }
    throw new Error(`No ${name} answers at the address in ${server.variable}, or its password is wrong. Start it, or unset the variable.`)
  }
  const url = server.defaultUrl
  if (await server.answers(url)) return { url, by: 'default port' }
  const answered = (): Promise<void> =>
    waitFor(() => server.answers(url), { limitMs: server.startLimitMs, what: `${name} to answer on port ${server.port}` })
  if (await startedByCompose(server)) {
    await answered()
    return { url, by: 'docker compose' }
  }
  if ((await hasBinary(server.binary)) || (await installed(server))) {
    if (!(await server.answers(url))) startBinary(server)
    await answered()
    return { url, by: 'binary' }
  }
  throw new Error(
    `Tests need ${name}: install ${server.binary} (Debian: apt-get install ${server.debianPackage}), start Docker, or set ${server.variable}.`,
  )
}

async function startedByCompose(server: KnownServer): Promise<boolean> {
  const file = await composeFile(process.cwd())
  if (file === undefined || !(await succeeds('docker', ['info']))) return false
  return succeeds('docker', ['compose', '-f', file, 'up', '-d', server.composeService], installLimitMs)
}

async function composeFile(folder: string): Promise<string | undefined> {
  for (const name of ['compose.yaml', 'docker-compose.yml']) {
    const path = join(folder, name)
    if (await exists(path)) return path
  }
  const parent = dirname(folder)
  return parent === folder ? undefined : composeFile(parent)
}

async function installed(server: KnownServer): Promise<boolean> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !(await exists('/etc/debian_version'))) return false
  await succeeds('apt-get', ['update'], installLimitMs)
  return succeeds('apt-get', ['install', '-y', '--no-install-recommends', server.debianPackage], installLimitMs)
}

function startBinary(server: KnownServer): void {
  const child = spawn(server.starter ?? server.binary, [...server.arguments], { stdio: 'ignore', detached: true })
  // Another test process may have been faster: then this one ends at once, and theirs answers.
  child.on('error', () => undefined)
  child.unref()
}

/** Looked for, not called: not every server has a word that only says its version. */
async function hasBinary(binary: string): Promise<boolean> {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const found = await Promise.all(folders.map((folder) => exists(join(folder, binary), constants.X_OK)))
  return found.includes(true)
}

/** A program that is missing, refuses or hangs is an answer here, not an error: the next way is tried. */
async function succeeds(program: string, words: readonly string[], timeout = 10_000): Promise<boolean> {
  return run(program, [...words], { timeout }).then(
    () => true,
    () => false,
  )
}

function exists(path: string, mode?: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  )
}
