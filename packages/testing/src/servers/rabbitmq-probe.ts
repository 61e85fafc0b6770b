import { connect } from 'node:net'

export interface RabbitMqProbeOptions {
  readonly host?: string | undefined
  readonly port: number
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly limitMs?: number | undefined
}

/** `Connection.Start`, `Connection.StartOk` and `Connection.Tune` of AMQP 0-9-1, each as class and method. */
const start = '000a000a'
const startOk = '000a000b'
const tune = '000a001e'
const methodAt = 7

/** Whether a RabbitMQ answers there and lets us in. Never throws for a server that is not there. */
export function rabbitMqAnswers(options: RabbitMqProbeOptions): Promise<boolean> {
  const { host = '127.0.0.1', port, username = 'guest', password = 'guest', limitMs = 2_000 } = options
  return new Promise((resolve) => {
    const socket = connect(port, host)
    let received = Buffer.alloc(0)
    const finish = (answer: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(() => finish(false), limitMs)
    socket.once('error', () => finish(false))
    socket.once('close', () => finish(false))
    socket.once('connect', () => socket.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1')))
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (received.length < methodAt + 4 || received.length < methodAt + received.readUInt32BE(3) + 1) return
      const method = received.toString('hex', methodAt, methodAt + 4)
      received = Buffer.alloc(0)
      if (method === start) socket.write(frame(answerTo(username, password)))
      else finish(method === tune)
    })
  })
}

function answerTo(username: string, password: string): Buffer {
  const secret = Buffer.from(`\0${username}\0${password}`)
  return Buffer.concat([Buffer.from(startOk, 'hex'), long(0), short('PLAIN'), long(secret.length), secret, short('en_US')])
}

function frame(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([1, 0, 0]), long(payload.length), payload, Buffer.from([0xce])])
}

function short(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
}

function long(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
