import { randomBytes } from 'node:crypto'
import { ClosedError, ConfigurationError, PublishError, toError } from '@interline/core'
import type { Message } from 'amqplib'
import { isNotFound, refusalOf, refusedExchange } from './failure.js'
import { Lanes } from './lanes.js'
import type { Link } from './link.js'
import { MessageWriter } from './message-writer.js'
import { entryHeader } from './rabbitmq-message.js'
import { giveUp, type Parcel, type Sending, settleStored } from './sending.js'
import type { Need, Topology } from './topology.js'
import { type Confirmation, Unconfirmed } from './unconfirmed.js'

/** What waits while the server is away or takes nothing; more is refused at once. */
const mostWaiting = 50_000
/** What is on the way at once: enough to keep a server busy, and little to be sent again. */
const mostUnconfirmed = 4_000
const sweepIntervalMs = 100
const retryDelayMs = 100
const disowned = 'whoever asked for it does not own its queue any more'
const overtaken = 'a later one of its partition was stored while the server refused it'

/**
 * Publishes in the order it is asked to, on one confirm channel. A channel or connection that breaks is made anew, and what was not
 * confirmed is sent again first, in its order and under the names it had; so is what the server refused for now. Nothing waits longer than
 * its deadline.
 */
export class Sender {
  readonly #link: Link
  readonly #topology: Topology
  readonly #timeoutMs: number
  readonly #lostExchange: (exchange: string) => void
  readonly #name = randomBytes(6).toString('base64url')
  #number = 0
  #channel: MessageWriter | undefined
  #opening = false
  #preparing = false
  #full = false
  #waiting: Sending[] = []
  #unconfirmed = new Unconfirmed<Sending>()
  /** What was refused for now. */
  readonly #lanes = new Lanes<Sending>()
  #again: NodeJS.Timeout | undefined
  #sweep: NodeJS.Timeout | undefined
  #quiet: (() => void)[] = []
  #closed = false

  constructor(link: Link, topology: Topology, timeoutMs: number, lostExchange: (exchange: string) => void) {
    this.#link = link
    this.#topology = topology
    this.#timeoutMs = timeoutMs
    this.#lostExchange = lostExchange
    link.listen(() => this.#pump())
  }

  send(parcel: Parcel): Sending {
    const place = this.#number++
    const entry = `${this.#name}${place.toString(36)}`
    parcel.encoded.headers[entryHeader] = entry
    const sending: Sending = { ...parcel, entry, place, until: performance.now() + this.#timeoutMs, sent: false, returned: undefined }
    if (this.#closed)
      sending.settle(new PublishError('The connection to RabbitMQ is closed.', { outcome: 'failed', cause: new ClosedError('closed') }))
    else if (this.#waiting.length + this.#lanes.size >= mostWaiting) {
      const why = this.#link.blocked ?? this.#link.failure?.message ?? 'it does not take them fast enough'
      sending.settle(
        new PublishError(`RabbitMQ is behind with ${mostWaiting} messages (${why}). Publish less, or later.`, { outcome: 'failed' }),
      )
    } else {
      this.#waiting.push(sending)
      this.#pump()
      this.#watch()
    }
    return sending
  }

  /** The same, for whoever waits for one alone. */
  deliver(parcel: Omit<Parcel, 'settle'>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.send({ ...parcel, settle: (error) => (error === undefined ? resolve() : reject(error)) })
    })
  }

  /** Takes one out that was not sent yet; `false` when it was. */
  withdraw(sending: Sending): boolean {
    if (sending.sent) return false
    const index = this.#waiting.indexOf(sending)
    if (index >= 0) this.#waiting.splice(index, 1)
    return index >= 0 || this.#lanes.take((held) => held === sending).length > 0
  }

  /** Resolves when everything has its answer. */
  async flush(): Promise<void> {
    if (this.#isQuiet) return
    await new Promise<void>((resolve) => this.#quiet.push(resolve))
  }

  close(): void {
    this.#closed = true
    this.#channel = undefined
    clearTimeout(this.#again)
    for (const sending of [...this.#lanes.restart(this.#unconfirmed.all()), ...this.#waiting]) giveUp(sending, 'the connection was closed')
    this.#waiting = []
    this.#settled()
  }

  #pump(): void {
    if (this.#closed || this.#link.model === undefined || this.#waiting.length === 0) return
    const channel = this.#channel
    if (channel === undefined) return void this.#open()
    while (this.#waiting.length > 0 && this.#mayPublish && this.#channel === channel) {
      const sending = this.#waiting[0] as Sending
      if (sending.lost?.aborted === true) {
        this.#waiting.shift()
        giveUp(sending, disowned)
        continue
      }
      if (sending.need !== undefined && !this.#topology.has(sending.need)) return void this.#prepare(sending.need)
      this.#waiting.shift()
      if (this.#lanes.enters(sending)) this.#publish(channel, sending)
    }
    this.#settled()
  }

  get #mayPublish(): boolean {
    return !this.#preparing && !this.#full && this.#unconfirmed.size < mostUnconfirmed && this.#link.blocked === undefined
  }

  #publish(channel: MessageWriter, sending: Sending): void {
    sending.sent = true
    sending.returned = undefined
    try {
      if (!channel.write(sending)) this.#full = true
      this.#unconfirmed.add(sending)
      this.#lanes.sent(sending)
    } catch (thrown) {
      // a channel that closed just now takes it along with the others; else it is the message itself that can't be sent
      if (this.#channel !== channel) return void this.#waiting.unshift(sending)
      const { message } = toError(thrown)
      sending.settle(new PublishError(`RabbitMQ can't carry the message: ${message}`, { cause: thrown, outcome: 'failed' }))
      this.#settled()
    }
  }

  #answered(channel: MessageWriter, confirmation: Confirmation, stored: boolean): void {
    // what an old channel leaves open is sent again on the next one
    if (channel !== this.#channel) return
    this.#unconfirmed.answered(confirmation, (sending) => (stored ? this.#stored(sending) : this.#refused(sending)))
    this.#pump()
    this.#settled()
  }

  #stored(sending: Sending): void {
    for (const late of this.#lanes.stored(sending)) giveUp(late, overtaken)
    settleStored(sending)
  }

  /** A queue is full, or has no leader for a moment. */
  #refused(sending: Sending): void {
    if (this.#lanes.refused(sending)) this.#again ??= setTimeout(() => this.#sendAgain(), retryDelayMs)
    else giveUp(sending, overtaken)
  }

  #sendAgain(): void {
    this.#again = undefined
    this.#waiting = [...this.#lanes.takeDue(), ...this.#waiting]
    // the rest waits for the answers to what is on the way
    if (this.#lanes.size > 0) this.#again = setTimeout(() => this.#sendAgain(), retryDelayMs)
    this.#pump()
  }

  async #open(): Promise<void> {
    if (this.#opening) return
    this.#opening = true
    let failed = false
    try {
      const channel = await this.#link.confirmChannel({ highWaterMark: 1_000 })
      const writer = new MessageWriter(channel)
      let failure: Error | undefined
      channel.on('error', (error) => (failure = error))
      channel.on('close', () => this.#lost(writer, failure))
      channel.on('ack', (confirmation: Confirmation) => this.#answered(writer, confirmation, true))
      channel.on('nack', (confirmation: Confirmation) => this.#answered(writer, confirmation, false))
      channel.on('drain', () => {
        this.#full = false
        this.#pump()
      })
      channel.on('return', (message: Message) => this.#returned(message))
      this.#channel = writer
      this.#unconfirmed = new Unconfirmed()
      this.#full = false
    } catch {
      // the connection was lost again; its return, or the delay below, starts the next attempt
      failed = true
    }
    this.#opening = false
    if (failed) setTimeout(() => this.#pump(), retryDelayMs).unref()
    else this.#pump()
  }

  #lost(channel: MessageWriter, failure: Error | undefined): void {
    channel.end()
    if (this.#channel !== channel) return
    this.#channel = undefined
    const again = this.#lanes.restart(this.#unconfirmed.all())
    const kept = again.filter(({ exchange, encoded, settle }) => {
      const refusal = refusalOf(failure, { exchange, bytes: Buffer.byteLength(encoded.content) })
      if (refusal !== undefined) settle(refusal)
      return refusal === undefined
    })
    this.#waiting = [...kept, ...this.#waiting]
    const exchange = failure === undefined ? undefined : refusedExchange(failure)
    if (exchange !== undefined && isNotFound(failure)) {
      this.#topology.forget()
      this.#lostExchange(exchange)
    }
    this.#settled()
    // a channel that the server closed, on a connection that stays: not in a tight loop
    setTimeout(() => this.#pump(), failure === undefined ? 0 : retryDelayMs).unref()
  }

  #returned({ fields, properties }: Message): void {
    const sending = this.#unconfirmed.named((properties.headers as Record<string, unknown> | undefined)?.[entryHeader])
    // a queue of our own that is not there any more is made again for the next
    if (sending?.need?.announced === undefined) this.#topology.forget()
    if (sending !== undefined) sending.returned = String((fields as { readonly replyText?: unknown }).replyText)
  }

  async #prepare(need: Need): Promise<void> {
    this.#preparing = true
    try {
      await this.#topology.ensure(need)
    } catch (thrown) {
      // what the server refuses is refused; all else passes, or time does
      if (thrown instanceof ConfigurationError) this.#deny(need, thrown)
      else await new Promise((resolve) => setTimeout(resolve, retryDelayMs))
    }
    this.#preparing = false
    this.#pump()
  }

  #deny(need: Need, cause: Error): void {
    const concerned = this.#waiting.filter((sending) => sending.need?.key === need.key)
    this.#waiting = this.#waiting.filter((sending) => !concerned.includes(sending))
    for (const sending of concerned) {
      const outcome = sending.sent ? 'unknown' : 'failed'
      sending.settle(new PublishError(`RabbitMQ could not be made ready for the message: ${cause.message}`, { cause, outcome }))
    }
    this.#settled()
  }

  #watch(): void {
    if (this.#sweep !== undefined) return
    this.#sweep = setInterval(() => {
      const now = performance.now()
      for (const sending of this.#unconfirmed.expired(now)) {
        this.#lanes.givenUp(sending)
        giveUp(sending, 'it did not confirm it in time')
      }
      for (const sending of this.#lanes.take(({ until }) => until <= now)) {
        giveUp(sending, 'it refused it until time was up: a queue is full, or lost its majority')
      }
      while (this.#waiting[0] !== undefined && this.#waiting[0].until <= now) {
        const why = this.#link.blocked ?? this.#link.failure?.message ?? 'it could not be reached in time'
        giveUp(this.#waiting.shift() as Sending, why)
      }
      this.#settled()
    }, sweepIntervalMs)
  }

  get #isQuiet(): boolean {
    return this.#waiting.length + this.#unconfirmed.size + this.#lanes.size === 0
  }

  #settled(): void {
    if (!this.#isQuiet) return
    clearInterval(this.#sweep)
    this.#sweep = undefined
    for (const resolve of this.#quiet.splice(0)) resolve()
  }
}
