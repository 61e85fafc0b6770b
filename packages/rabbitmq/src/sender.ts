import { randomBytes } from 'node:crypto'
import { ClosedError, ConfigurationError, PublishError, toError } from '@interline/core'
import type { ConfirmChannel, Message } from 'amqplib'
import { isNotFound, refusedExchange } from './failure.js'
import type { Link } from './link.js'
import { type EncodedMessage, entryHeader } from './rabbitmq-message.js'
import type { Need, Topology } from './topology.js'

/** Something to be published, to be told when the server has it. */
export interface Parcel {
  readonly exchange: string
  readonly routingKey: string
  readonly encoded: EncodedMessage
  /** What has to be on the server before. */
  readonly need: Need | undefined
  /** Whether a queue has to take it. */
  readonly wanted: boolean
  readonly settle: (error?: PublishError) => void
}

interface Sending extends Parcel {
  readonly entry: string
  readonly until: number
  /** It may have reached the server. */
  sent: boolean
  returned: string | undefined
}

/** What waits while the server is away or takes nothing; more is refused at once. */
const mostWaiting = 50_000
const sweepIntervalMs = 100
const retryDelayMs = 100

/**
 * Publishes in the order it is asked to, on one confirm channel. A channel or connection that breaks is made anew, and what was not
 * confirmed is sent again first, in its order and under the names it had. Nothing waits longer than its deadline.
 */
export class Sender {
  readonly #link: Link
  readonly #topology: Topology
  readonly #timeoutMs: number
  readonly #lostExchange: (exchange: string) => void
  readonly #name = randomBytes(6).toString('base64url')
  #number = 0
  #channel: ConfirmChannel | undefined
  #opening = false
  #preparing = false
  #full = false
  #waiting: Sending[] = []
  readonly #unconfirmed = new Map<string, Sending>()
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
    const entry = `${this.#name}${(this.#number++).toString(36)}`
    parcel.encoded.headers[entryHeader] = entry
    const sending: Sending = { ...parcel, entry, until: performance.now() + this.#timeoutMs, sent: false, returned: undefined }
    if (this.#closed)
      sending.settle(new PublishError('The connection to RabbitMQ is closed.', { outcome: 'failed', cause: new ClosedError('closed') }))
    else if (this.#waiting.length >= mostWaiting) {
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
    return index >= 0
  }

  /** Resolves when everything has its answer. */
  async flush(): Promise<void> {
    if (this.#waiting.length + this.#unconfirmed.size === 0) return
    await new Promise<void>((resolve) => this.#quiet.push(resolve))
  }

  close(): void {
    this.#closed = true
    this.#channel = undefined
    for (const sending of [...this.#unconfirmed.values(), ...this.#waiting]) this.#giveUp(sending, 'the connection was closed')
    this.#unconfirmed.clear()
    this.#waiting = []
    this.#settled()
  }

  #pump(): void {
    if (this.#closed || this.#link.model === undefined || this.#waiting.length === 0) return
    const channel = this.#channel
    if (channel === undefined) return void this.#open()
    while (this.#waiting.length > 0 && !this.#preparing && !this.#full && this.#link.blocked === undefined && this.#channel === channel) {
      const sending = this.#waiting[0] as Sending
      if (sending.need !== undefined && !this.#topology.has(sending.need)) return void this.#prepare(sending.need)
      this.#waiting.shift()
      this.#publish(channel, sending)
    }
  }

  #publish(channel: ConfirmChannel, sending: Sending): void {
    const { exchange, routingKey, encoded } = sending
    const { content, properties, headers } = encoded
    sending.sent = true
    sending.returned = undefined
    try {
      const room = channel.publish(exchange, routingKey, content, { ...properties, headers, mandatory: true }, (error: unknown) =>
        this.#answered(channel, sending, error),
      )
      this.#unconfirmed.set(sending.entry, sending)
      if (!room) this.#full = true
    } catch (thrown) {
      // a channel that closed just now takes it along with the others; else it is the message itself that can't be sent
      if (this.#channel !== channel) return void this.#waiting.unshift(sending)
      const { message } = toError(thrown)
      sending.settle(new PublishError(`RabbitMQ can't carry the message: ${message}`, { cause: thrown, outcome: 'failed' }))
      this.#settled()
    }
  }

  #answered(channel: ConfirmChannel, sending: Sending, error: unknown): void {
    // what an old channel leaves open is sent again on the next one
    if (channel !== this.#channel || this.#unconfirmed.get(sending.entry) !== sending) return
    if (error !== null && error !== undefined && toError(error).message !== 'message nacked') return
    this.#unconfirmed.delete(sending.entry)
    sending.settle(answer(sending, error))
    this.#settled()
  }

  async #open(): Promise<void> {
    if (this.#opening) return
    this.#opening = true
    let failed = false
    try {
      const channel = await this.#link.confirmChannel({ highWaterMark: 1_000 })
      let failure: Error | undefined
      channel.on('error', (error) => (failure = error))
      channel.on('close', () => this.#lost(channel, failure))
      channel.on('drain', () => {
        this.#full = false
        this.#pump()
      })
      channel.on('return', (message: Message) => this.#returned(message))
      this.#channel = channel
      this.#full = false
    } catch {
      // the connection was lost again; its return, or the delay below, starts the next attempt
      failed = true
    }
    this.#opening = false
    if (failed) setTimeout(() => this.#pump(), retryDelayMs).unref()
    else this.#pump()
  }

  #lost(channel: ConfirmChannel, failure: Error | undefined): void {
    if (this.#channel !== channel) return
    this.#channel = undefined
    const again = [...this.#unconfirmed.values()]
    this.#unconfirmed.clear()
    const exchange = failure === undefined ? undefined : refusedExchange(failure)
    const refused = (sending: Sending): boolean => exchange === sending.exchange && !isNotFound(failure)
    for (const sending of again.filter(refused)) {
      sending.settle(
        new PublishError(`RabbitMQ refused to publish to the exchange "${exchange}": ${failure?.message}`, {
          cause: failure,
          outcome: 'failed',
        }),
      )
    }
    this.#waiting = [...again.filter((sending) => !refused(sending)), ...this.#waiting]
    if (exchange !== undefined && isNotFound(failure)) {
      this.#topology.forget()
      this.#lostExchange(exchange)
    }
    this.#settled()
    // a channel that the server closed, on a connection that stays: not in a tight loop
    setTimeout(() => this.#pump(), failure === undefined ? 0 : retryDelayMs).unref()
  }

  #returned({ fields, properties }: Message): void {
    const sending = this.#unconfirmed.get(String((properties.headers as Record<string, unknown> | undefined)?.[entryHeader]))
    if (sending !== undefined) sending.returned = String((fields as { readonly replyText?: unknown }).replyText)
  }

  async #prepare(need: Need): Promise<void> {
    this.#preparing = true
    try {
      await this.#topology.ensure(need)
    } catch (thrown) {
      // what the server refuses is refused; all else passes, or time does
      if (thrown instanceof ConfigurationError) this.#refuse(need, thrown)
      else await new Promise((resolve) => setTimeout(resolve, retryDelayMs))
    }
    this.#preparing = false
    this.#pump()
  }

  #refuse(need: Need, cause: Error): void {
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
      for (const [entry, sending] of this.#unconfirmed) {
        if (sending.until > now) break
        this.#unconfirmed.delete(entry)
        this.#giveUp(sending, 'it did not confirm it in time')
      }
      while (this.#waiting[0] !== undefined && this.#waiting[0].until <= now) {
        const why = this.#link.blocked ?? this.#link.failure?.message ?? 'it could not be reached in time'
        this.#giveUp(this.#waiting.shift() as Sending, why)
      }
      this.#settled()
    }, sweepIntervalMs)
  }

  #giveUp(sending: Sending, why: string): void {
    const { sent } = sending
    const text = sent
      ? `RabbitMQ may have stored the message, but ${why}. Publish the same event again.`
      : `RabbitMQ has not stored the message: ${why}.`
    sending.settle(new PublishError(text, { outcome: sent ? 'unknown' : 'failed' }))
  }

  #settled(): void {
    if (this.#waiting.length + this.#unconfirmed.size > 0) return
    clearInterval(this.#sweep)
    this.#sweep = undefined
    for (const resolve of this.#quiet.splice(0)) resolve()
  }
}

export type { Sending }

function answer({ returned, wanted, exchange }: Sending, error: unknown): PublishError | undefined {
  if (error !== null && error !== undefined) {
    return new PublishError('RabbitMQ refused the message: a queue is full, or lost its majority.', { cause: error, outcome: 'unknown' })
  }
  if (returned === undefined || !wanted) return undefined
  return new PublishError(`RabbitMQ has no queue for the message (exchange "${exchange}": ${returned}). The group or queue is not there.`, {
    outcome: 'failed',
  })
}
