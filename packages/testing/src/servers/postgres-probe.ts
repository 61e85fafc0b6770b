import { connect } from 'node:net'

export interface PostgresProbeOptions {
  readonly host?: string | undefined
  readonly port: number
  readonly user?: string | undefined
  readonly database?: string | undefined
  readonly limitMs?: number | undefined
}

const protocolVersion = 196_608

/** Whether a PostgreSQL answers there and lets us in, or asks for a password. Never throws for a server that is not there. */
export function postgresAnswers({
  host = '127.0.0.1',
  port,
  user = 'postgres',
  database = user,
  limitMs = 1_000,
}: PostgresProbeOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    const finish = (answer: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(() => finish(false), limitMs)
    socket.once('error', () => finish(false))
    socket.once('close', () => finish(false))
    socket.once('connect', () => socket.write(startupMessage(user, database)))
    // R: who are you; everything else, such as E while it starts, is no welcome.
    socket.once('data', (chunk) => finish(chunk[0] === 'R'.charCodeAt(0)))
  })
}

function startupMessage(user: string, database: string): Buffer {
  const parameters = Buffer.from(`user\0${user}\0database\0${database}\0\0`)
  const head = Buffer.alloc(8)
  head.writeInt32BE(head.length + parameters.length, 0)
  head.writeInt32BE(protocolVersion, 4)
  return Buffer.concat([head, parameters])
}
