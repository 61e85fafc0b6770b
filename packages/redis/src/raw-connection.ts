import type { Duplex } from 'node:stream'
import type { Redis } from 'ioredis'
import { type Reply, ReplyParser } from './reply-parser.js'

/**
 * Takes over the socket of a client that is connected and authenticated, for one command at a time. The client still watches over the
 * socket, and closes it.
 */
export class RawConnection {
  readonly #stream: Duplex
  #waiting: { readonly resolve: (reply: Reply) => void; readonly reject: (error: Error) => void } | undefined
  #broken: Error | undefined

  private constructor(client: Redis, stream: Duplex) {
    this.#stream = stream
    const parser = new ReplyParser((reply) => {
      const waiting = this.#waiting
      this.#waiting = undefined
      if (reply instanceof Error) waiting?.reject(reply)
      else waiting?.resolve(reply)
    })
    stream.removeAllListeners('data')
    stream.on('data', (chunk: Buffer) => {
      try {
        parser.push(chunk)
      } catch (error) {
        this.#fail(error as Error)
        client.disconnect()
      }
    })
    client.once('end', () => this.#fail(new Error('Connection is closed.')))
  }

  /** `undefined` where the client does not show its socket: then it has to do the work itself. */
  static over(client: Redis): RawConnection | undefined {
    const { stream } = client as unknown as { readonly stream?: Duplex }
    if (typeof stream?.write !== 'function' || stream.listenerCount('data') !== 1 || stream.readableEncoding !== null) return undefined
    return new RawConnection(client, stream)
  }

  /** Rejects with the server's error, or when the connection ends. */
  call(command: string, parameters: readonly string[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#broken !== undefined) return reject(this.#broken)
      if (this.#waiting !== undefined) return reject(new Error('A raw connection takes one command at a time.'))
      this.#waiting = { resolve, reject }
      let request = `*${parameters.length + 1}\r\n$${command.length}\r\n${command}\r\n`
      for (const parameter of parameters) request += `$${Buffer.byteLength(parameter)}\r\n${parameter}\r\n`
      this.#stream.write(request)
    })
  }

  #fail(error: Error): void {
    this.#broken ??= error
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }
}
