import { connect } from 'node:net'

export interface ProbeOptions {
  readonly host?: string | undefined
  readonly port: number
  readonly password?: string | undefined
  readonly limitMs?: number | undefined
}

/** Whether a Redis answers there and lets us in. Never throws for a server that is not there. */
export function redisAnswers(options: ProbeOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(options.port, options.host ?? '127.0.0.1')
    let replies = ''
    const finish = (answer: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(() => finish(false), options.limitMs ?? 1_000)
    socket.once('error', () => finish(false))
    socket.once('close', () => finish(false))
    socket.once('connect', () => {
      if (options.password !== undefined && options.password !== '') socket.write(command('AUTH', options.password))
      socket.write(command('PING'))
    })
    socket.on('data', (chunk) => {
      replies += chunk.toString('utf8')
      if (replies.includes('+PONG\r\n')) finish(true)
      else if (/(^|\n)-/.test(replies)) finish(false)
    })
  })
}

function command(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`
}
