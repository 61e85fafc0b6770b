import {
  type Awaitable,
  Bell,
  type Consumer,
  type DeadLetter,
  type Delivery,
  pause,
  type Receive,
  type Retry,
  type Source,
  toError,
} from '@interline/core'
import type { BrokerContext } from './context.js'
import { readEntryAgain } from './entry-again.js'
import { startId } from './groups.js'
import { type PositionReader, positionReader } from './position-reader.js'
import { RecentEntries } from './recent-entries.js'
import type { RedisDeadLetterStore } from './redis-dead-letter-store.js'
import { type DecodedEntry, decodeEntry, textFields } from './redis-message.js'
import { trimEveryMs, trimHistory } from './trim-history.js'
import { Repeat } from './waiting.js'

/** Reads every event for this process alone, without a group: one left behind by a dead process would hold back trimming for ever. */
export class BroadcastConsumer implements Consumer {
  readonly #context: BrokerContext
  readonly #source: Source
  readonly #receive: Receive
  readonly #deadLetters: RedisDeadLetterStore
  readonly #reader: PositionReader
  readonly #positions = new Map<string, string>()
  readonly #recent = new Map<string, RecentEntries>()
  /** Under which connection the positions were last found to be the server's own; `undefined` after a failure. */
  #sureOf: number | undefined
  readonly #bell = new Bell()
  readonly #closing = new AbortController()
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  readonly #trimming: Repeat
  #due: Delivery[] = []
  #unsettled = 0
  #paused = false
  #stopped = false
  #fetching: Promise<unknown> = Promise.resolve()

  constructor(context: BrokerContext, source: Source, receive: Receive, deadLetters: RedisDeadLetterStore) {
    this.#context = context
    this.#source = source
    this.#receive = receive
    this.#deadLetters = deadLetters
    this.#reader = positionReader(context, source.destination)
    this.#trimming = new Repeat(
      async () => {
        for (const key of this.#positions.keys()) await trimHistory(context, key, undefined)
        return trimEveryMs
      },
      (error) => {
        context.report({ kind: 'warning', detail: `Trimming "${source.destination}" failed; it is tried again.`, error: toError(error) })
        return trimEveryMs
      },
    )
  }

  async start(): Promise<void> {
    const { destination, from } = this.#source
    const keys = Array.from(
      { length: this.#context.options.partitions },
      (_, index) => this.#context.keys.partition(destination, index).events,
    )
    await Promise.all(
      keys.map(async (key) => {
        const newest =
          from === 'now' ? await this.#context.control.at(key).run((client) => client.xrevrange(key, '+', '-', 'COUNT', 1)) : []
        this.#positions.set(key, from === 'now' ? (newest[0]?.[0] ?? '0') : startId(from))
      }),
    )
    this.#trimming.within(trimEveryMs * (0.5 + Math.random() / 2))
    void this.#run()
  }

  get unsettled(): number {
    return this.#unsettled
  }

  pause(): void {
    this.#paused = true
    this.#reader.wake()
  }

  resume(): void {
    this.#paused = false
    this.#bell.ring()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#bell.ring()
    this.#reader.wake()
    await Promise.all([this.#fetching, this.#trimming.stop()])
  }

  async close(): Promise<void> {
    await this.stop()
    this.#closing.abort()
    for (const timer of this.#timers) clearTimeout(timer)
    this.#reader.close()
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stopped; ) {
      try {
        await this.#turn()
        failures = 0
      } catch (error) {
        if (this.#stopped) return
        this.#sureOf = undefined
        this.#context.report({
          kind: 'warning',
          detail: `Reading "${this.#source.destination}" failed; it is tried again.`,
          error: toError(error),
        })
        await pause(Math.min(50 * 2 ** failures++, 1_000))
      }
    }
  }

  async #turn(): Promise<void> {
    const room = this.#source.window - this.#unsettled
    if (this.#paused || room <= 0) return this.#bell.wait()
    const fetching = this.#due.length > 0 ? Promise.resolve(this.#due.splice(0, room)) : this.#read(room)
    this.#fetching = fetching.catch(() => undefined)
    const deliveries = await fetching
    if (deliveries.length === 0 || this.#stopped) return
    this.#unsettled += deliveries.length
    this.#context.counts.delivered += deliveries.length
    await this.#receive(deliveries)
  }

  async #read(room: number): Promise<Delivery[]> {
    const { blockMs } = this.#context.options
    const generation = await this.#reader.prepare()
    if (generation !== this.#sureOf) {
      await this.#findPositions()
      this.#sureOf = generation
    }
    const count = Math.max(1, Math.floor(room / this.#positions.size))
    const deliveries: Delivery[] = []
    const positions = new Map<string, string>()
    const read: (() => void)[] = []
    for (const [key, entries] of await this.#reader.read(this.#positions, count, blockMs)) {
      for (const [id, fields] of entries) {
        const { destination } = this.#source
        const decoded = decodeEntry(destination, textFields(fields)) ?? (await readEntryAgain(this.#context, destination, key, id))
        if (decoded !== undefined) deliveries.push(this.#delivery(decoded, `${key}:${id}`, undefined))
        const before = positions.get(key) ?? this.#positions.get(key) ?? '0'
        read.push(() => this.#remember(key, id, fields, before))
        positions.set(key, id)
      }
    }
    // only now: where one could not be read, none of them was handed out
    for (const [key, id] of positions) this.#positions.set(key, id)
    for (const remember of read) remember()
    return deliveries
  }

  #remember(key: string, id: string, fields: readonly string[], before: string): void {
    let recent = this.#recent.get(key)
    if (recent === undefined) this.#recent.set(key, (recent = new RecentEntries()))
    recent.add(id, fields, before)
  }

  /** Over a fresh connection, which may lead to a server that has taken over. */
  async #findPositions(): Promise<void> {
    await Promise.all(
      [...this.#recent].map(async ([key, recent]) => {
        const position = await recent.common(this.#context, key)
        if (position !== undefined) this.#positions.set(key, position)
      }),
    )
  }

  #delivery(entry: DecodedEntry, ref: string, progress: string | undefined): Delivery {
    let ended = false
    const end = (): boolean => {
      if (ended || this.#closing.signal.aborted) return false
      ended = true
      this.#unsettled--
      this.#bell.ring()
      return true
    }
    return {
      message: entry.message,
      ref,
      progress,
      redelivered: false,
      lost: this.#closing.signal,
      undecodable: entry.undecodable,
      ack: (): Awaitable<boolean> => {
        const acked = end()
        if (acked) this.#context.counts.acked++
        return acked
      },
      note: () => !ended,
      retry: async (retry: Retry) => {
        if (ended) return false
        await this.#deadLetters.add(retry.deadLetters)
        if (!end()) return false
        this.#context.counts.retried++
        this.#later(this.#delivery(entry, ref, retry.progress), retry.afterMs)
        return true
      },
      deadLetter: async (letters: readonly DeadLetter[]) => {
        if (ended) return false
        await this.#deadLetters.add(letters)
        this.#context.counts.deadLettered += letters.length
        return end()
      },
    }
  }

  /** Nothing is kept for a process that is away, so its retries wait in its memory. */
  #later(delivery: Delivery, afterMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#due.push(delivery)
      this.#reader.wake()
      this.#bell.ring()
    }, afterMs)
    this.#timers.add(timer)
  }
}
