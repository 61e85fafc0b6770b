import { connect } from 'node:net'

const apiVersions = 18

/** Whether a Kafka answers there. Asks for the versions it speaks, which needs no login. Never throws for a server that is not there. */
export function kafkaAnswers(options: {
  readonly host?: string | undefined
  readonly port: number
  readonly limitMs?: number
}): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(options.port, options.host ?? '127.0.0.1')
    const finish = (answer: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(() => finish(false), options.limitMs ?? 1_000)
    socket.once('error', () => finish(false))
    socket.once('close', () => finish(false))
    socket.once('connect', () => {
      // length, API, its version 0, a correlation id, no client id
      const request = Buffer.alloc(14)
      request.writeInt32BE(10, 0)
      request.writeInt16BE(apiVersions, 4)
      request.writeInt32BE(7, 8)
      request.writeInt16BE(-1, 12)
      socket.write(request)
    })
    socket.once('data', (reply: Buffer) => finish(reply.length >= 8 && reply.readInt32BE(4) === 7))
  })
}
