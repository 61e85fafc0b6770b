import { execFile, type SpawnOptions } from 'node:child_process'
import { chown, mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.js'
import { postgresAnswers } from './postgres-probe.js'
import { PrivateProcess, started } from './private-process.js'

const run = promisify(execFile)

export interface PrivatePostgresOptions {
  /** A free one where it is not said. It stays the same over restarts. */
  readonly port?: number | undefined
  /** Of the user postgres. Without it everybody on this machine is let in. */
  readonly password?: string | undefined
  /** Settings, such as `{ max_connections: '20' }`. */
  readonly settings?: Readonly<Record<string, string>> | undefined
}

const startLimitMs = 20_000

/** Starts a PostgreSQL of the test's own, with a data folder that goes away with it. Needs PostgreSQL's programs, and is never run as root. */
export async function startPostgres(options: PrivatePostgresOptions = {}): Promise<PrivatePostgres> {
  const user = await unprivileged()
  const folder = await mkdtemp(join(tmpdir(), 'interline-postgres-'))
  const postgres = new PrivatePostgres(options.port ?? (await freePort()), folder, options, await programs(), user)
  return started(postgres, () => postgres.initialize())
}

type User = Pick<SpawnOptions, 'uid' | 'gid'>

/** A server that a test may kill, freeze and bring back. */
export class PrivatePostgres extends PrivateProcess {
  readonly #folder: string
  readonly #data: string
  readonly #options: PrivatePostgresOptions
  readonly #programs: string
  readonly #user: User

  constructor(port: number, folder: string, options: PrivatePostgresOptions, programFolder: string, user: User) {
    const data = join(folder, 'data')
    const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...options.settings }
    const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    super({
      name: 'postgres',
      binary: join(programFolder, 'postgres'),
      install: 'Install PostgreSQL (Debian: apt-get install postgresql).',
      port,
      folder,
      arguments: ['-D', data, '-p', String(port), ...words],
      surroundings: { ...user, cwd: folder },
      startLimitMs,
      // after a kill, its children hold the data for a moment, and the next server refuses to begin
      insists: true,
      answers: () => postgresAnswers({ port }),
    })
    this.#folder = folder
    this.#data = data
    this.#options = options
    this.#programs = programFolder
    this.#user = user
  }

  get url(): string {
    const { password } = this.#options
    return `postgresql://postgres${password === undefined ? '' : `:${encodeURIComponent(password)}`}@127.0.0.1:${this.port}/postgres`
  }

  /** Makes the data folder. */
  async initialize(): Promise<void> {
    const { uid, gid } = this.#user
    if (uid !== undefined && gid !== undefined) await chown(this.#folder, uid, gid)
    const words = ['--pgdata', this.#data, '--username', 'postgres', '--encoding', 'UTF8', '--no-locale', '--no-sync']
    const { password } = this.#options
    if (password === undefined) words.push('--auth', 'trust')
    else {
      const file = join(this.#folder, 'password')
      await writeFile(file, password, { mode: 0o644 })
      words.push('--auth', 'scram-sha-256', '--pwfile', file)
    }
    await run(join(this.#programs, 'initdb'), words, { ...this.#user, cwd: this.#folder })
  }
}

/** The folder of the newest installed programs: Debian keeps them out of the PATH. */
async function programs(): Promise<string> {
  const debian = '/usr/lib/postgresql'
  const versions = await readdir(debian).catch(() => [])
  const newest = versions.sort((one, other) => Number(other) - Number(one))[0]
  if (newest !== undefined) return join(debian, newest, 'bin')
  const { stdout } = await run('pg_config', ['--bindir']).catch((cause: unknown) => {
    throw new Error('Tests need the programs of PostgreSQL. Install them (Debian: apt-get install postgresql).', { cause })
  })
  return stdout.trim()
}

/** PostgreSQL refuses to run as root: then it runs as the user postgres. */
async function unprivileged(): Promise<User> {
  if (process.getuid?.() !== 0) return {}
  const id = async (word: string): Promise<number> => Number((await run('id', [word, 'postgres'])).stdout)
  return { uid: await id('-u'), gid: await id('-g') }
}
