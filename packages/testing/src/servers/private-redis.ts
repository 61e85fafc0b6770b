import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.js'
import { PrivateProcess, started } from './private-process.js'
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

/** Starts a Redis of the test's own, with a data folder that goes away with it. Needs `redis-server` in the PATH. */
export async function startRedis(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'interline-redis-'))
  return started(new PrivateRedis(options.port ?? (await freePort()), folder, options))
}

/** A server that a test may kill, freeze and bring back. */
export class PrivateRedis extends PrivateProcess {
  readonly url: string

  constructor(port: number, folder: string, { appendOnly = true, requirePass, arguments: more = [] }: PrivateRedisOptions) {
    const address = ['--port', String(port), '--bind', '127.0.0.1']
    const storage = ['--save', '', '--dir', folder, '--appendonly', appendOnly ? 'yes' : 'no']
    const password = requirePass === undefined ? [] : ['--requirepass', requirePass]
    super({
      name: 'redis-server',
      port,
      folder,
      arguments: [...address, ...storage, ...password, ...more],
      answers: () => redisAnswers({ port, password: requirePass }),
    })
    this.url = `redis://${requirePass === undefined ? '' : `:${encodeURIComponent(requirePass)}@`}127.0.0.1:${port}`
  }
}
