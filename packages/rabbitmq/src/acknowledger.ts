import type { Channel, ConsumeMessage } from 'amqplib'

/** How long what is settled may wait behind a slower one before it is acknowledged by itself. */
const longestWaitMs = 20

/**
 * The acknowledgements of one channel. What is settled up to the slowest goes out as one frame a tick; what waits behind a slow one goes by
 * itself after a moment, so that it doesn't take the place of what could be fetched.
 */
export class Acknowledger {
  readonly #channel: Channel
  readonly #prefetch: number
  /** Everything up to here is settled. */
  #low = 0
  /** Everything up to here is acknowledged. */
  #acknowledged = 0
  /** Settled behind one that is not; `true` when it was acknowledged by itself. */
  readonly #above = new Map<number, boolean>()
  /** Acknowledged by itself, and not below `#acknowledged` yet: the server doesn't take such a number again. */
  readonly #alone = new Set<number>()
  #soon: NodeJS.Immediate | undefined
  #later: NodeJS.Timeout | undefined
  #ended = false

  constructor(channel: Channel, prefetch: number) {
    this.#channel = channel
    this.#prefetch = prefetch
  }

  settle(tag: number): void {
    if (tag !== this.#low + 1) this.#above.set(tag, false)
    else this.#rise(tag)
    if (this.#low > this.#acknowledged) this.#soon ??= setImmediate(() => this.flush())
    if (this.#above.size > 0) this.#later ??= setTimeout(() => this.#flushAbove(), longestWaitMs)
  }

  /** Resolves when the server has taken it in, and everything before. */
  async settleNow(tag: number): Promise<void> {
    this.settle(tag)
    await this.settled()
  }

  /** Resolves when the server has taken in all acknowledgements; rejects where the channel is gone. */
  async settled(): Promise<void> {
    this.flushAll()
    // acknowledgements have no answer; the answer to anything after them is one
    await this.#channel.prefetch(this.#prefetch)
  }

  /** Sends what is due. */
  flush(): void {
    clearImmediate(this.#soon)
    this.#soon = undefined
    let tag = this.#low
    while (tag > this.#acknowledged && this.#alone.has(tag)) tag--
    if (tag > this.#acknowledged) this.#send(tag, true)
    this.#acknowledged = this.#low
    for (const each of this.#alone) if (each <= this.#low) this.#alone.delete(each)
  }

  /** Sends everything, also what waits behind a slower one: after it the channel may be closed. */
  flushAll(): void {
    this.flush()
    this.#flushAbove()
  }

  /** The channel is gone. */
  end(): void {
    this.#ended = true
    clearImmediate(this.#soon)
    clearTimeout(this.#later)
  }

  #rise(tag: number): void {
    this.#low = tag
    for (let next = this.#low + 1; this.#above.delete(next); next++) this.#low = next
  }

  #flushAbove(): void {
    clearTimeout(this.#later)
    this.#later = undefined
    for (const [tag, sent] of this.#above) {
      if (sent) continue
      this.#above.set(tag, true)
      this.#alone.add(tag)
      this.#send(tag, false)
    }
  }

  #send(deliveryTag: number, allUpTo: boolean): void {
    if (this.#ended) return
    try {
      this.#channel.ack({ fields: { deliveryTag } } as ConsumeMessage, allUpTo)
    } catch {
      // the channel closed a moment ago, and what was in hand comes again: its own listeners see to that
      this.end()
    }
  }
}
