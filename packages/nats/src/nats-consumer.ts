import { type Consumer, type Delivery, type Receive, type Retry, type Source, type Timer, toError } from '@interline/core'
import { AckPolicy, type ConsumerConfig, DeliverPolicy } from '@nats-io/jetstream'
import { createInbox, type Msg, nanos, type Subscription } from '@nats-io/transport-node'
import type { NatsContext } from './nats-context.js'
import { handOut, messageOf, tokenOf } from './nats-message.js'
import { type FoundNote, Notes } from './nats-notes.js'

/** A request for messages that has no answer this long after its time was lost. */
const lateMs = 2_000
const pauseMs = 250
/** After this long without a process, the server forgets a broadcast consumer. */
const abandonedMs = 300_000

/** A message, how often it was handed out, and where the server listens for what becomes of it. */
interface Place {
  readonly sequence: number
  readonly count: number
  readonly reply: string
}

interface InHand extends Delivery, Place {}

/**
 * One process's part of a group: asks for as many messages as there is room for, and tells the server from time to time that they are still
 * worked on. A broadcast is a group of its own that ends with its process.
 */
export class NatsConsumer implements Consumer {
  readonly name: string
  readonly source: Source
  readonly #context: NatsContext
  readonly #receive: Receive
  readonly #inHand = new Set<InHand>()
  readonly #givingBack = new Set<Promise<unknown>>()
  /** How long one request for messages stays on the server. A process that dies leaves none behind at the time when its messages go to others. */
  readonly #pullMs: number
  #stream = ''
  #streamBorn = ''
  #notes: Notes | undefined
  #subscription: Subscription | undefined
  #lost = new AbortController()
  #arrived: Msg[] = []
  #taking: Promise<void> | undefined
  #recovering: Promise<void> | undefined
  /** Messages asked for that have not come, and when the server last said anything. */
  #asked = 0
  #heardAt = 0
  #newest = 0
  #aliveAt = 0
  #beat: Timer | undefined
  #state: 'open' | 'paused' | 'stopped' = 'open'

  constructor(context: NatsContext, source: Source, receive: Receive) {
    this.#context = context
    this.source = source
    this.#receive = receive
    this.#pullMs = Math.ceil(context.options.ackWaitMs / 2)
    this.name = tokenOf(source.broadcast ? createInbox(source.group) : source.group)
  }

  get unsettled(): number {
    return this.#inHand.size
  }

  async open(): Promise<void> {
    await this.#ensure()
    this.#subscription = this.#context.nc.subscribe(createInbox(), { callback: (_error, message) => this.#onMessage(message) })
    this.#aliveAt = this.#context.clock.monotonic()
    this.#stayAlive()
    this.#pull()
  }

  pause(): void {
    if (this.#state === 'open') this.#state = 'paused'
  }

  resume(): void {
    if (this.#state === 'paused') this.#state = 'open'
    this.#pull()
  }

  /** What the server sent before it knew comes first, and is given back. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    if (this.#context.connected) {
      await this.#subscription?.drain()
      // Looking makes the server drop requests that nobody listens to any more: 2.9 loses its place over what is given back to one of those.
      await this.#context.jsm.consumers.info(this.#stream, this.name).catch(() => undefined)
    } else this.#subscription?.unsubscribe()
    this.#takeIn()
  }

  async close(): Promise<void> {
    await this.stop()
    this.#beat?.cancel()
    await this.#taking
    for (const delivery of this.#inHand) this.#context.nc.publish(delivery.reply, '-NAK')
    this.#lose()
    await Promise.allSettled(this.#givingBack)
    if (this.source.broadcast && this.#context.connected)
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
      const detail = `The consumer of "${this.source.destination}" can not be reached; it is tried again.`
      this.#context.report({ kind: 'warning', detail, error: toError(thrown) })
      this.#context.clock.setTimer(() => this.recover(), pauseMs, { background: true })
      return
    }
    this.#asked = 0
    this.#pull()
  }

  /** Finds the consumer on the server or makes it, also where somebody removed it meanwhile. */
  async #ensure(): Promise<void> {
    const { jsm, report } = this.#context
    const { destination, group, broadcast } = this.source
    const stream = await this.#context.stream(destination)
    this.#stream = stream.config.name
    if (this.#streamBorn !== stream.created) this.#newest = 0
    this.#streamBorn = stream.created
    const isNew = this.#notes === undefined
    let info = await jsm.consumers.info(this.#stream, this.name).catch(ifMissing)
    if (info === undefined) {
      info = await jsm.consumers.add(this.#stream, { ...this.#settings(), ...this.#start(isNew) })
      const detail = `The consumer of group "${group}" on "${destination}" was gone and is made again; retries that waited are lost.`
      if (!isNew && !broadcast) report({ kind: 'loss', detail, destination, group })
      this.#notes = undefined
      // the sequences of what is in hand are now somebody else's
      this.#lose()
    }
    this.#notes ??= new Notes(this.#context, `${tokenOf(destination)}.${this.name}`, info.created)
    this.#newest = Math.max(this.#newest, isNew ? info.delivered.stream_seq : 0)
    const first = stream.state.first_seq
    const missed = isNew && !broadcast ? first - 1 - info.ack_floor.stream_seq : 0
    if (missed > 0 && info.ack_floor.consumer_seq > 0) {
      const detail = `Events of "${destination}" were removed by the stream's retention before group "${group}" had handled them.`
      report({ kind: 'loss', detail, destination, group, count: missed })
    }
  }

  #settings(): Partial<ConsumerConfig> {
    const kept = this.source.broadcast ? { inactive_threshold: nanos(abandonedMs), mem_storage: true } : { durable_name: this.name }
    return {
      name: this.name,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(this.#context.options.ackWaitMs),
      max_ack_pending: -1,
      ...kept,
    }
  }

  /** Where a consumer begins that is not there: where it is wanted, or, made again, at the first that may be unhandled. */
  #start(isNew: boolean): Partial<ConsumerConfig> {
    const { from } = this.source
    if (!isNew) {
      const first = Math.min(this.#newest + 1, ...[...this.#inHand].map(({ sequence }) => sequence))
      return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: first }
    }
    if (from instanceof Date) return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: from.toISOString() }
    return { deliver_policy: from === 'now' ? DeliverPolicy.New : DeliverPolicy.All }
  }

  #pull(): void {
    const { nc, connected } = this.#context
    const room = this.source.window - this.#inHand.size - this.#arrived.length
    if (
      this.#state !== 'open' ||
      !connected ||
      this.#taking !== undefined ||
      this.#subscription === undefined ||
      this.#asked * 2 > room ||
      room <= 0
    )
      return
    const request = JSON.stringify({ batch: room - this.#asked, expires: nanos(this.#pullMs) })
    nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${this.#stream}.${this.name}`, request, { reply: this.#subscription.getSubject() })
    this.#asked = room
    this.#heardAt = this.#context.clock.monotonic()
  }

  #onMessage(message: Msg): void {
    this.#heardAt = this.#context.clock.monotonic()
    const status = message.headers?.code ?? 0
    if (status === 0) {
      this.#asked = Math.max(0, this.#asked - 1)
      if (this.#arrived.push(message) === 1) queueMicrotask(() => this.#takeIn())
      return
    }
    // 404 and 408 end a request, of which so many did not come; all else needs a look at the consumer
    if (status === 404 || status === 408) {
      this.#asked = Math.max(0, this.#asked - Number(message.headers?.get('Nats-Pending-Messages') || this.#asked))
      this.#pull()
    } else this.#context.clock.setTimer(() => this.recover(), pauseMs, { background: true })
  }

  #takeIn(): void {
    this.#taking ??= this.#take().finally(() => {
      this.#taking = undefined
      this.#pull()
    })
  }

  async #take(): Promise<void> {
    while (this.#arrived.length > 0) {
      try {
        const read = await Promise.all(this.#arrived.splice(0).map((message) => this.#read(message)))
        const deliveries = read.filter((delivery) => delivery !== undefined)
        this.#context.counts.delivered += deliveries.length
        if (deliveries.length > 0 && this.#state !== 'stopped') await this.#receive(deliveries)
        else for (const delivery of deliveries) delivery.release?.()
      } catch (thrown) {
        // what was not taken in is handed out again after its time
        this.#context.report({
          kind: 'warning',
          detail: `Messages of "${this.source.destination}" were not taken in.`,
          error: toError(thrown),
        })
      }
    }
  }

  /** A delivery for core; `undefined` for what is another group's, or whose time has not come. */
  async #read(incoming: Msg): Promise<InHand | undefined> {
    const { nc, clock } = this.#context
    const reply = incoming.reply ?? ''
    const { sequence, count } = handOut(reply)
    this.#newest = Math.max(this.#newest, sequence)
    const { message, undecodable } = messageOf(incoming, this.source.destination)
    if (message.target !== undefined && message.target.group !== this.source.group) return void nc.publish(reply, '+ACK')
    const note = count === 1 || this.source.broadcast ? {} : ((await this.#notes?.read(sequence)) ?? {})
    const waitMs = (message.deliverAt ?? 0) - clock.now()
    if (waitMs > 0) return void this.#handBack({ sequence, count, reply }, note.progress, waitMs)
    return this.#delivery({ sequence, count, reply }, message, undecodable, note)
  }

  #delivery(place: Place, message: InHand['message'], undecodable: Error | undefined, note: FoundNote): InHand {
    const { nc, counts, options } = this.#context
    let { progress } = note
    let notedAt = note.place
    const end = (): boolean => this.#inHand.delete(delivery)
    const delivery: InHand = {
      ...place,
      message,
      undecodable,
      ref: `${this.#stream}:${this.#streamBorn}:${place.sequence}`,
      progress: progress ?? message.target?.progress,
      redelivered: place.count > 1 && !this.source.broadcast && note.givenBackAt !== place.count - 1,
      lost: this.#lost.signal,
      ack: async () => {
        if (!this.#inHand.has(delivery)) return false
        try {
          await nc.request(place.reply, '+ACK', { timeout: options.requestTimeoutMs })
        } finally {
          end()
          this.#pull()
        }
        counts.acked++
        if (notedAt !== undefined) this.#notes?.remove(notedAt)
        return true
      },
      note: async (text) => {
        if (!this.#inHand.has(delivery)) return false
        progress = text
        notedAt = await this.#notes?.write(place.sequence, { progress })
        return this.#inHand.has(delivery)
      },
      retry: async ({ afterMs, progress: text }: Retry) => {
        if (!end()) return false
        counts.retried++
        await this.#giveBack(place, text, afterMs)
        return true
      },
      deadLetter: () => delivery.ack(),
      release: () => {
        if (end()) this.#handBack(place, progress, 0)
      },
    }
    this.#inHand.add(delivery)
    return delivery
  }

  /** Where nobody waits. What fails here comes again after its time, as a suspect. */
  #handBack(place: Place, progress: string | undefined, afterMs: number): void {
    this.#giveBack(place, progress, afterMs).catch((thrown: unknown) => {
      this.#context.report({
        kind: 'warning',
        detail: `A message of "${this.source.destination}" was not given back.`,
        error: toError(thrown),
      })
    })
  }

  /** The note first: a message that came back without it would be a suspect, or have forgotten its attempts. */
  async #giveBack({ sequence, count, reply }: Place, progress: string | undefined, afterMs: number): Promise<void> {
    const { nc, clock } = this.#context
    const due = clock.monotonic() + afterMs
    const given = (async () => {
      if (!this.source.broadcast) await this.#notes?.write(sequence, { progress, givenBackAt: count })
      const delay = nanos(Math.max(0, Math.ceil(due - clock.monotonic())))
      nc.publish(reply, `-NAK ${JSON.stringify({ delay })}`)
    })()
    this.#givingBack.add(given)
    try {
      await given
    } finally {
      this.#givingBack.delete(given)
      this.#pull()
    }
  }

  /** Tells the server that what is in hand is worked on; where it was out of reach too long, others have it already. */
  #stayAlive(): void {
    const { nc, clock, options, connected } = this.#context
    const now = clock.monotonic()
    if (now - this.#aliveAt > options.ackWaitMs) this.#lose()
    if (connected) {
      this.#aliveAt = now
      for (const { reply } of this.#inHand) nc.publish(reply, '+WPI')
      if (this.#asked > 0 && now - this.#heardAt > this.#pullMs + lateMs) this.recover()
    }
    this.#beat = clock.setTimer(() => this.#stayAlive(), options.ackWaitMs / 4, { background: true })
  }

  #lose(): void {
    if (this.#inHand.size === 0) return
    this.#inHand.clear()
    this.#lost.abort()
    this.#lost = new AbortController()
  }
}

function ifMissing(error: unknown): undefined {
  if ((error as { readonly status?: number }).status !== 404) throw error
}
