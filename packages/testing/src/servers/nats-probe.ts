import { connect } from 'node:net'

export interface NatsProbeOptions {
  readonly host?: string | undefined
  readonly port: number
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly limitMs?: number | undefined
}

/** Whether a NATS with JetStream answers there and lets us in. Never throws for a server that is not there. */
export function natsAnswers(options: NatsProbeOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(options.port, options.host ?? '127.0.0.1')
    let said = ''
    const finish = (answer: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(() => finish(false), options.limitMs ?? 1_000)
    socket.once('error', () => finish(false))
    socket.once('close', () => finish(false))
    socket.on('data', (chunk) => {
      const greeted = said.includes('\r\n')
      said += chunk.toString('utf8')
      if (said.includes('\r\n-ERR') || !/^INFO .*"jetstream":\s*true/.test(said)) return said.includes('\r\n') ? finish(false) : undefined
      if (said.includes('\r\nPONG\r\n')) return finish(true)
      if (greeted) return
      const { user, password } = options
      const credentials = user === undefined || user === '' ? {} : { user, pass: password }
      socket.write(`CONNECT ${JSON.stringify({ verbose: false, pedantic: false, ...credentials })}\r\nPING\r\n`)
    })
  })
}
