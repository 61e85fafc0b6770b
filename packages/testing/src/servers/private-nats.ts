import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.js'
import { natsAnswers } from './nats-probe.js'
import { PrivateProcess, started } from './private-process.js'

export interface PrivateNatsOptions {
  /** A free one where it is not said. It stays the same over restarts. */
  readonly port?: number | undefined
  /** Whom the server lets in; everybody where it is not said. */
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** More arguments of `nats-server`. */
  readonly arguments?: readonly string[] | undefined
}

/** Starts a NATS with JetStream of the test's own, with a data folder that goes away with it. Needs `nats-server` in the PATH. */
export async function startNats(options: PrivateNatsOptions = {}): Promise<PrivateNats> {
  const folder = await mkdtemp(join(tmpdir(), 'interline-nats-'))
  return started(new PrivateNats(options.port ?? (await freePort()), folder, options))
}

/** A server that a test may kill, freeze and bring back. */
export class PrivateNats extends PrivateProcess {
  readonly url: string

  constructor(port: number, folder: string, { user, password = '', arguments: more = [] }: PrivateNatsOptions) {
    const credentials = user === undefined ? [] : ['--user', user, '--pass', password]
    super({
      name: 'nats-server',
      port,
      folder,
      arguments: ['-js', '-sd', folder, '-a', '127.0.0.1', '-p', String(port), ...credentials, ...more],
      answers: () => natsAnswers({ port, user, password }),
    })
    const who = user === undefined ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`
    this.url = `nats://${who}127.0.0.1:${port}`
  }
}
