import { createInbox, type Msg, nanos, type Subscription } from '@nats-io/transport-node'
import type { NatsContext } from './nats-context.js'

/** A request that has no answer this long after its time was lost. */
const lateMs = 2_000
/** Where nothing came for so long, the server is not sending. */
const quietMs = 50

export interface PullSettings {
  /** How many more messages there is a place for. */
  readonly room: () => number
  /** What came together. */
  readonly onMessages: (messages: readonly Msg[]) => void
  /** The server says that something is wrong with the consumer. */
  readonly onTrouble: () => void
}

/**
 * Asks the server for messages, as many as there is room for. The client's own iterators drop what is on its way when they are stopped, and
 * it would come again only after its time, as if its process had died.
 */
export class Pull {
  readonly #context: NatsContext
  readonly #settings: PullSettings
  readonly #subscription: Subscription
  /** How long one request stays on the server: what a dead process has asked for is forgotten before what it held goes to others. */
  readonly #stayMs: number
  #arrived: Msg[] = []
  /** Messages asked for that have not come, and when the server last said anything. */
  #asked = 0
  #heardAt = 0
  #messageAt = Number.NEGATIVE_INFINITY

  constructor(context: NatsContext, settings: PullSettings) {
    this.#context = context
    this.#settings = settings
    this.#stayMs = Math.ceil(context.options.ackWaitMs / 2)
    this.#subscription = context.nc.subscribe(createInbox(), { callback: (_error, message) => this.#onMessage(message) })
  }

  get overdue(): boolean {
    return this.#asked > 0 && this.#context.clock.monotonic() - this.#heardAt > this.#stayMs + lateMs
  }

  ask(stream: string, consumer: string): void {
    const { nc, clock } = this.#context
    const room = this.#settings.room() - this.#arrived.length
    if (room <= 0 || this.#asked * 2 > room) return
    const request = JSON.stringify({ batch: room - this.#asked, expires: nanos(this.#stayMs) })
    nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, request, { reply: this.#subscription.getSubject() })
    this.#asked = room
    this.#heardAt = clock.monotonic()
  }

  /** The server knows no more of what was asked. */
  forget(): void {
    this.#asked = 0
  }

  /**
   * What the server sent before it knew is handed over first. It is let finish what it is sending: what is still under way inside the
   * server when nobody listens any more would come again only after its time, as if its process had died.
   */
  async stop(): Promise<void> {
    const { clock } = this.#context
    while (this.#context.connected && this.#asked > 0 && clock.monotonic() - this.#messageAt < quietMs) {
      await new Promise<void>((resolve) => clock.setTimer(resolve, quietMs))
    }
    if (this.#context.connected) await this.#subscription.drain()
    else this.#subscription.unsubscribe()
    this.#handOver()
  }

  #onMessage(message: Msg): void {
    this.#heardAt = this.#context.clock.monotonic()
    const status = message.headers?.code ?? 0
    if (status === 0) {
      this.#asked = Math.max(0, this.#asked - 1)
      this.#messageAt = this.#heardAt
      if (this.#arrived.push(message) === 1) queueMicrotask(() => this.#handOver())
    } else if (status === 404 || status === 408) {
      // the end of a request, of which so many did not come
      this.#asked = Math.max(0, this.#asked - Number(message.headers?.get('Nats-Pending-Messages') || this.#asked))
      this.#handOver()
    } else this.#settings.onTrouble()
  }

  #handOver(): void {
    this.#settings.onMessages(this.#arrived.splice(0))
  }
}
