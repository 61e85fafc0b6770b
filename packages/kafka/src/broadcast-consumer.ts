import type { Consumer, Delivery, Receive, Source } from '@interline/core'
import { pause, toError } from '@interline/core'
import type { BrokerContext } from './context.js'
import type { DriverError, Fetched, IncomingRecord, KafkaClient, Position } from './drivers/driver.js'
import { Fetcher, type FetcherOwner } from './group/fetcher.js'
import { type DecodedRecord, decodeRecord } from './kafka-message.js'
import { PartitionWatch } from './partition-watch.js'

const longestTimerMs = 2_147_483_647

/** Every process reads the topic by itself, from where it was when it came: no group, nothing committed, nothing left behind. */
export class BroadcastConsumer implements Consumer, FetcherOwner {
  readonly #context: BrokerContext
  readonly #source: Source
  readonly #receive: Receive
  readonly #topic: string
  readonly #client: KafkaClient
  readonly #fetcher: Fetcher
  readonly #watch: PartitionWatch
  readonly #positions = new Map<number, number>()
  readonly #closed = new AbortController()
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  #turn: Promise<unknown> = Promise.resolve()
  #unsettled = 0
  #paused = false
  #stopped = false
  readonly delayed = 0
  trouble: string | undefined

  constructor(context: BrokerContext, source: Source, receive: Receive) {
    this.#context = context
    this.#source = source
    this.#receive = receive
    this.#topic = context.names.topic(source.destination)
    this.#client = context.driver()
    const { maxWaitTimeInMs: maxWaitMs, maxFetchBytes: maxBytes } = context.options
    this.#fetcher = new Fetcher(this.#client, { maxWaitMs, maxBytes }, this)
    this.#watch = new PartitionWatch(this.#client, this.#topic, context.options.metadataMaxAgeMs)
  }

  get unsettled(): number {
    return this.#unsettled
  }

  async start(): Promise<void> {
    const { from } = this.#source
    const ends = await this.#client.offsets(this.#topic, 'latest')
    const wanted = from === 'now' ? ends : await this.#client.offsets(this.#topic, from === 'beginning' ? 'earliest' : from.getTime())
    for (const [partition, end] of ends) {
      const start = wanted.get(partition) ?? end
      this.#positions.set(partition, start < 0 ? end : start)
    }
    this.#fetcher.start()
    this.#watch.start(
      (count) => this.#extend(count),
      (error) => this.failed(error),
    )
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#fetcher.wake()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#watch.stop()
    for (const timer of this.#timers) clearTimeout(timer)
    await this.#fetcher.stop()
  }

  async close(): Promise<void> {
    await this.stop()
    if (this.#closed.signal.aborted) return
    this.#closed.abort()
    await this.#client.close()
  }

  positions(): readonly Position[] {
    if (this.#paused || this.#stopped) return []
    return [...this.#positions].map(([partition, offset]) => ({ topic: this.#topic, partition, offset }))
  }

  take(fetched: Fetched): Promise<void> {
    return this.#inTurn(async () => {
      for (const record of fetched.records) {
        if (this.#stopped || this.#paused) return
        this.#positions.set(fetched.partition, record.offset + 1)
        await this.#offer(fetched.partition, record)
      }
      this.#positions.set(fetched.partition, fetched.next)
    })
  }

  async gone(positions: readonly Position[], error: DriverError): Promise<void> {
    if (error.kind === 'codec') {
      this.trouble = `"${this.#topic}" holds records in a compression that can't be read: ${error.message}`
      this.#context.report({ kind: 'warning', detail: this.trouble, error })
      await pause(5_000, this.#closed.signal)
      return
    }
    this.#context.topics.forget(this.#topic)
    await this.#context.topics.ensure(this.#topic)
    const first = await this.#client.offsets(this.#topic, 'earliest')
    for (const { partition } of positions) this.#positions.set(partition, first.get(partition) ?? 0)
    const { destination, group } = this.#source
    this.#context.report({ kind: 'loss', detail: `"${this.#topic}" was cut off or made again.`, destination, group })
  }

  failed(error: Error): void {
    this.trouble = toError(error).message
  }

  recovered(): void {
    this.trouble = undefined
  }

  /** A partition that was added is read from its beginning: all of it came after this consumer. */
  async #extend(count: number): Promise<void> {
    if (count <= this.#positions.size) return
    for (const [partition, first] of await this.#client.offsets(this.#topic, 'earliest')) {
      if (!this.#positions.has(partition)) this.#positions.set(partition, first)
    }
    this.#fetcher.wake()
  }

  async #offer(partition: number, record: IncomingRecord): Promise<void> {
    const decoded = decodeRecord(this.#source.destination, record)
    const delivery = this.#delivery(`${this.#topic}:${partition}:${record.offset}`, decoded)
    const waitMs = decoded.dueAt - Date.now()
    if (waitMs <= 0) return this.#hand(delivery)
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        if (!this.#stopped) void this.#inTurn(() => this.#hand(delivery))
      },
      Math.min(waitMs, longestTimerMs),
    )
    this.#timers.add(timer)
  }

  async #hand(delivery: Delivery): Promise<void> {
    this.#unsettled++
    this.#context.counts.delivered++
    await this.#receive([delivery])
  }

  #delivery(ref: string, { message, undecodable }: DecodedRecord): Delivery {
    let ended = false
    const settle = (): boolean => {
      if (!ended) this.#unsettled--
      ended = true
      return true
    }
    return {
      message,
      ref,
      progress: undefined,
      redelivered: false,
      lost: this.#closed.signal,
      undecodable,
      ack: () => {
        this.#context.counts.acked++
        return settle()
      },
      note: () => true,
      retry: settle,
      deadLetter: settle,
      release: settle,
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}
