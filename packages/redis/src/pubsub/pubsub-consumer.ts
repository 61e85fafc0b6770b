import {
  type Awaitable,
  Bell,
  type Consumer,
  type Delivery,
  matchesTopic,
  pause,
  type Receive,
  type Source,
  toError,
} from '@interline/core'
import type { Report } from '../connections.js'
import type { Channel, Channels } from './channels.js'
import { type DecodedPayload, decodePayload } from './pubsub-message.js'
import type { Subscriber } from './subscriber.js'

export interface PubSubCounts {
  published: number
  delivered: number
  acked: number
}

export interface PubSubContext {
  readonly channels: Channels
  readonly subscriber: Subscriber
  readonly report: Report
  readonly counts: PubSubCounts
  readonly maxBufferBytes: number
  /** Names a delivery of this process, which no other has. */
  nextRef(): string
}

interface Waiting extends DecodedPayload {
  readonly bytes: number
}

const lossReportMs = 1_000

/** What one subscription of this process hears. It keeps what its handlers have no room for, up to a bound. */
export class PubSubConsumer implements Consumer {
  readonly source: Source
  readonly #context: PubSubContext
  readonly #receive: Receive
  readonly #bell = new Bell()
  readonly #closing = new AbortController()
  #topics: readonly string[]
  #listening: readonly Channel[] = []
  #buffer: Waiting[] = []
  #bytes = 0
  #unsettled = 0
  #dropped = 0
  #lossTimer: ReturnType<typeof setTimeout> | undefined
  #paused = false
  #stopped = false

  constructor(context: PubSubContext, source: Source, receive: Receive) {
    this.#context = context
    this.source = source
    this.#receive = receive
    this.#topics = source.topics
  }

  async start(): Promise<void> {
    await this.#listen()
    void this.#run()
  }

  get unsettled(): number {
    return this.#unsettled
  }

  /** Heard and not handled. */
  get lag(): number {
    return this.#buffer.length + this.#unsettled
  }

  async setTopics(topics: readonly string[]): Promise<void> {
    this.#topics = topics
    await this.#listen()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#bell.ring()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#buffer = []
    this.#bytes = 0
    this.#bell.ring()
    const listening = this.#listening
    this.#listening = []
    await this.#context.subscriber.remove(listening)
  }

  close(): void {
    this.#closing.abort()
    this.#reportLoss()
  }

  /** Called for everything that the connection hears. */
  hear(channel: string, payload: Buffer): void {
    if (this.#stopped) return
    const { destination } = this.source
    const topic = this.#context.channels.topicOf(destination, channel)
    if (topic === undefined || !this.#topics.some((pattern) => matchesTopic(pattern, topic))) return
    const bytes = payload.length
    if (this.#bytes + bytes > this.#context.maxBufferBytes && this.#buffer.length > 0) {
      this.#drop()
      return
    }
    this.#bytes += bytes
    this.#buffer.push({ ...decodePayload(destination, topic, payload), bytes })
    this.#bell.ring()
  }

  gap(): void {
    const { destination, group } = this.source
    const detail = `The connection that "${destination}" is listened to on was lost and is back. What was published in between is gone.`
    this.#context.report({ kind: 'loss', detail, destination, group })
  }

  async #listen(): Promise<void> {
    const { channels, subscriber } = this.#context
    const before = this.#listening
    const wanted = [...new Set(this.#topics)].map((pattern) => channels.for(this.source.destination, pattern))
    await subscriber.add(wanted)
    this.#listening = wanted
    await subscriber.remove(before)
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const room = this.source.window - this.#unsettled
      if (this.#paused || room <= 0 || this.#buffer.length === 0) {
        await this.#bell.wait()
        continue
      }
      const taken = this.#buffer.splice(0, room)
      for (const { bytes } of taken) this.#bytes -= bytes
      this.#unsettled += taken.length
      this.#context.counts.delivered += taken.length
      try {
        await this.#receive(taken.map((each) => this.#delivery(each)))
      } catch (error) {
        this.#context.report({
          kind: 'warning',
          detail: `Events of "${this.source.destination}" were not taken in.`,
          error: toError(error),
        })
        await pause(100)
      }
    }
  }

  #delivery({ message, undecodable }: DecodedPayload): Delivery {
    let ended = false
    const end = (): boolean => {
      if (ended || this.#closing.signal.aborted) return false
      ended = true
      this.#unsettled--
      this.#bell.ring()
      return true
    }
    return {
      message,
      ref: this.#context.nextRef(),
      progress: undefined,
      redelivered: false,
      lost: this.#closing.signal,
      undecodable,
      ack: (): Awaitable<boolean> => {
        const acked = end()
        if (acked) this.#context.counts.acked++
        return acked
      },
      note: () => !ended,
      // Nothing can be given back to a server that keeps nothing; core asks a broker without retry for neither.
      retry: () => false,
      deadLetter: () => false,
    }
  }

  #drop(): void {
    this.#dropped++
    this.#lossTimer ??= setTimeout(() => this.#reportLoss(), lossReportMs)
  }

  #reportLoss(): void {
    clearTimeout(this.#lossTimer)
    this.#lossTimer = undefined
    const count = this.#dropped
    if (count === 0) return
    this.#dropped = 0
    const { destination, group } = this.source
    const detail = `${count} events of "${destination}" were dropped: handlers are slower than what is published, and maxBufferBytes is used up.`
    this.#context.report({ kind: 'loss', detail, destination, group, count })
  }
}
