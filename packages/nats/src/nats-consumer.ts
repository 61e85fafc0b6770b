import { type BrokerEvent, type Consumer, type Delivery, type Receive, type Source, type Timer, toError } from '@interline/core'
import { AckPolicy, type ConsumerConfig, DeliverPolicy } from '@nats-io/jetstream'
import { type Msg, nanos, nuid } from '@nats-io/transport-node'
import type { NatsContext } from './nats-context.js'
import { Hands, type Origin } from './nats-hands.js'
import { handOut, tokenOf } from './nats-message.js'
import { Notes } from './nats-notes.js'
import { Pull } from './nats-pull.js'

const pauseMs = 250
/** After this long without a process, the server forgets a broadcast consumer. */
const abandonedMs = 300_000

/**
 * One process's part of a group: takes in what there is room for, and tells the server from time to time that it is still worked on. A
 * broadcast is a group of its own that ends with its process.
 */
export class NatsConsumer implements Consumer {
  readonly name: string
  readonly source: Source
  readonly #context: NatsContext
  readonly #receive: Receive
  readonly #onClosed: () => void
  readonly #hands: Hands
  #stream = ''
  #born = ''
  #origin: Origin | undefined
  /** The highest sequence that this consumer is known to have handed out. */
  #newest = 0
  #pull: Pull | undefined
  #arrived: Msg[] = []
  #taking: Promise<void> | undefined
  #recovering: Promise<void> | undefined
  #aliveAt = 0
  #beat: Timer | undefined
  #state: 'open' | 'paused' | 'stopped' = 'open'

  constructor(context: NatsContext, source: Source, receive: Receive, onClosed: () => void) {
    this.#context = context
    this.source = source
    this.#receive = receive
    this.#onClosed = onClosed
    this.#hands = new Hands(context, source, () => this.#ask())
    this.name = tokenOf(source.broadcast ? `${source.group} ${nuid.next()}` : source.group)
  }

  get unsettled(): number {
    return this.#hands.size
  }

  async open(): Promise<void> {
    await this.#ensure()
    this.#pull = new Pull(this.#context, {
      room: () => (this.#state === 'open' && this.#taking === undefined ? this.source.window - this.#hands.size : 0),
      onMessages: (messages) => this.#takeIn(messages),
      onTrouble: () => this.#recoverLater(),
    })
    this.#aliveAt = this.#context.clock.monotonic()
    this.#stayAlive()
    this.#ask()
  }

  pause(): void {
    if (this.#state === 'open') this.#state = 'paused'
  }

  resume(): void {
    if (this.#state === 'paused') this.#state = 'open'
    this.#ask()
  }

  /** What the server sent before it knew comes first, and is given back. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    const silent = this.#pull?.stop() ?? Promise.resolve()
    this.#hands.giveBackAfter(silent)
    await silent
    // Looking makes the server drop requests that nobody listens to any more: 2.9 loses its place over what is given back to one of those.
    if (this.#context.connected) await this.#context.jsm.consumers.info(this.#stream, this.name).catch(() => undefined)
  }

  async close(): Promise<void> {
    await this.stop()
    await this.#taking
    await this.#hands.close()
    this.#beat?.cancel()
    this.#onClosed()
    if (!this.source.broadcast || !this.#context.connected) return
    await this.#context.jsm.consumers.delete(this.#stream, this.name).catch(() => false)
  }

  /** After a lost connection, or where the server stays silent: what was asked for before is forgotten there. */
  recover(): void {
    this.#recovering ??= this.#recover().finally(() => {
      this.#recovering = undefined
    })
  }

  async #recover(): Promise<void> {
    if (this.#state === 'stopped') return
    try {
      await this.#ensure()
    } catch (thrown) {
      this.#report({ kind: 'warning', detail: 'A consumer can not be reached; it is tried again.', error: toError(thrown) })
      return this.#recoverLater()
    }
    this.#pull?.forget()
    this.#ask()
  }

  #recoverLater(): void {
    this.#context.clock.setTimer(() => this.recover(), pauseMs, { background: true })
  }

  /** Finds the consumer on the server or makes it, also where somebody removed it meanwhile. */
  async #ensure(): Promise<void> {
    const { jsm } = this.#context
    const { destination, group, broadcast } = this.source
    const { config, created, state } = await this.#context.stream(destination)
    const isNew = this.#origin === undefined
    const loss = { kind: 'loss', destination, group } as const
    if (this.#born !== created) this.#newest = 0
    this.#stream = config.name
    this.#born = created
    let info = await jsm.consumers.info(this.#stream, this.name).catch(ifMissing)
    if (info === undefined) {
      info = await jsm.consumers.add(this.#stream, { ...this.#settings(), ...this.#start(isNew) })
      if (!isNew && !broadcast) this.#report({ ...loss, detail: 'A group was removed and is made again; retries that waited are lost.' })
      this.#origin = undefined
      // the sequences of what is in hand are now somebody else's
      this.#hands.lose()
    } else if (isNew && info.ack_floor.consumer_seq > 0 && state.first_seq - 1 > info.ack_floor.stream_seq) {
      const count = state.first_seq - 1 - info.ack_floor.stream_seq
      this.#report({ ...loss, count, detail: 'The retention of the stream removed events before the group had handled them.' })
    }
    if (isNew) this.#newest = info.delivered.stream_seq
    const notes = new Notes(this.#context, `${tokenOf(destination)}.${this.name}`, info.created)
    this.#origin ??= { name: `${this.#stream}:${created}`, notes }
  }

  #settings(): Partial<ConsumerConfig> {
    const kept = this.source.broadcast ? { inactive_threshold: nanos(abandonedMs), mem_storage: true } : { durable_name: this.name }
    const ack_wait = nanos(this.#context.options.ackWaitMs)
    return { name: this.name, ack_policy: AckPolicy.Explicit, ack_wait, max_ack_pending: -1, ...kept }
  }

  /** Where a consumer begins that is not there: where it is wanted, or, made again, at the first that may be unhandled. */
  #start(isNew: boolean): Partial<ConsumerConfig> {
    const { from } = this.source
    if (!isNew) return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.min(this.#newest + 1, ...this.#hands.sequences) }
    if (from instanceof Date) return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: from.toISOString() }
    return { deliver_policy: from === 'now' ? DeliverPolicy.New : DeliverPolicy.All }
  }

  #ask(): void {
    if (this.#context.connected) this.#pull?.ask(this.#stream, this.name)
  }

  #takeIn(messages: readonly Msg[]): void {
    this.#arrived.push(...messages)
    this.#taking ??= this.#take().finally(() => {
      this.#taking = undefined
      this.#ask()
    })
  }

  async #take(): Promise<void> {
    while (this.#arrived.length > 0) {
      try {
        const deliveries = await this.#read(this.#arrived.splice(0))
        this.#context.counts.delivered += deliveries.length
        if (deliveries.length > 0 && this.#state !== 'stopped') await this.#receive(deliveries)
        else for (const delivery of deliveries) delivery.release?.()
      } catch (thrown) {
        const detail =
          'Deliveries were handed over and "receive" failed; they stay in hand until they are settled or the consumer is closed.'
        this.#report({ kind: 'warning', detail, error: toError(thrown) })
      }
    }
  }

  async #read(messages: readonly Msg[]): Promise<readonly Delivery[]> {
    const origin = this.#origin
    if (origin === undefined) return []
    for (const { reply = '' } of messages) this.#newest = Math.max(this.#newest, handOut(reply).sequence)
    const taken = await Promise.allSettled(messages.map((message) => this.#hands.take(message, origin)))
    return taken.flatMap((result) => {
      if (result.status === 'fulfilled') return result.value ?? []
      const detail = 'A note could not be read; its message is handed out again after its time.'
      this.#report({ kind: 'warning', detail, error: toError(result.reason) })
      return []
    })
  }

  /** Tells the server that what is in hand is worked on; where it was out of reach too long, others have it already. */
  #stayAlive(): void {
    const { clock, options, connected } = this.#context
    const now = clock.monotonic()
    if (now - this.#aliveAt > options.ackWaitMs) this.#hands.lose()
    if (connected) {
      this.#aliveAt = now
      this.#hands.stillAtWork()
      if (this.#pull?.overdue) this.recover()
    }
    this.#beat = clock.setTimer(() => this.#stayAlive(), options.ackWaitMs / 4, { background: true })
  }

  #report(event: BrokerEvent): void {
    const { group, destination } = this.source
    this.#context.report({ ...event, detail: `${event.detail} Group "${group}" on "${destination}".` })
  }
}

function ifMissing(error: unknown): undefined {
  if ((error as { readonly status?: number }).status !== 404) throw error
}
