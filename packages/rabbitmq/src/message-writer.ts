import type { ConfirmChannel } from 'amqplib'
import { type Addressed, framesOf, largestFrame } from './message-frames.js'

/** What is used of the client beside what it documents: the way on which the frames of a channel go to the socket. */
interface Inside {
  readonly ch?: number
  readonly connection?: { readonly frameMax?: number; readonly channels?: readonly ({ readonly buffer?: Way } | null)[] }
}

interface Way {
  write(chunk: Buffer): boolean
}

/**
 * Writes the messages of one channel, those of one tick in one piece. A client that does not show the way to its socket is asked to write
 * each by itself.
 */
export class MessageWriter {
  readonly #channel: ConfirmChannel
  readonly #number: number
  readonly #way: Way | undefined
  #gathered = ''
  #ended = false

  constructor(channel: ConfirmChannel) {
    const { ch = 0, connection } = channel as unknown as Inside
    const { frameMax = 0, channels } = connection ?? {}
    const way = channels?.[ch]?.buffer
    this.#channel = channel
    this.#number = ch
    this.#way = typeof way?.write === 'function' && frameMax >= largestFrame ? way : undefined
  }

  /** `false` where the client asks to wait until it has drained. Throws where it can't send such a message. */
  write(message: Addressed): boolean {
    const frames = this.#way === undefined ? undefined : framesOf(this.#number, message)
    if (frames === undefined) return this.#writeByClient(message)
    if (this.#gathered === '') process.nextTick(() => this.#flush())
    this.#gathered += frames
    return true
  }

  /** The channel is gone. */
  end(): void {
    this.#ended = true
    this.#gathered = ''
  }

  #writeByClient({ exchange, routingKey, wanted, encoded }: Addressed): boolean {
    const { content, properties, headers } = encoded
    this.#flush()
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    return this.#channel.publish(exchange, routingKey, bytes, { ...properties, headers, mandatory: wanted })
  }

  #flush(): void {
    const frames = this.#gathered
    this.#gathered = ''
    if (frames !== '' && !this.#ended) this.#way?.write(Buffer.from(frames, 'latin1'))
  }
}
