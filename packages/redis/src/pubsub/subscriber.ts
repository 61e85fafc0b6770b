import { ClosedError, pause, toError } from '@interline/core'
import type { Redis } from 'ioredis'
import { Link, type Report } from '../connections.js'
import type { ResolvedConnection } from '../redis-options.js'
import { Repeat } from '../waiting.js'
import type { Channel } from './channels.js'

export interface SubscriberListener {
  message(channel: string, payload: Buffer): void
  /** The connection was lost and is back: what was published in between never comes. */
  gap(): void
}

const pingEveryMs = 5_000

/**
 * The one connection that a broker listens on. It is never mended: a lost one is replaced by a fresh one, which subscribes to all that is
 * wanted before the gap is told.
 */
export class Subscriber {
  readonly #link: Link
  readonly #options: ResolvedConnection
  readonly #report: Report
  readonly #listener: SubscriberListener
  /** How many consumers want a channel, by its name. */
  readonly #wanted = new Map<string, { readonly channel: Channel; consumers: number }>()
  /** What the server sends over the present connection, oldest first. */
  readonly #active = new Map<string, Channel>()
  readonly #ping: Repeat
  #client: Redis | undefined
  #missed = false
  #changing: Promise<void> = Promise.resolve()
  #recovering = false
  #closed = false

  constructor(options: ResolvedConnection, report: Report, listener: SubscriberListener) {
    this.#options = options
    this.#report = report
    this.#listener = listener
    this.#link = new Link(options, 'subscriber', (event) => {
      report(event)
      if (event.kind === 'disconnected') this.#lost()
    })
    this.#ping = new Repeat(
      async () => {
        await this.#checkAlive()
        return pingEveryMs
      },
      () => pingEveryMs,
    )
  }

  /** Whether everything that is wanted comes. */
  get listening(): boolean {
    return this.#wanted.size === 0 || (this.#client !== undefined && this.#active.size === this.#wanted.size)
  }

  /** Resolves when the server sends what is published there from now on. */
  async add(channels: readonly Channel[]): Promise<void> {
    for (const channel of channels) {
      const entry = this.#wanted.get(channel.name)
      if (entry === undefined) this.#wanted.set(channel.name, { channel, consumers: 1 })
      else entry.consumers++
    }
    try {
      await this.#change()
    } catch (error) {
      this.#unwant(channels)
      throw error
    }
    this.#ping.within(pingEveryMs)
  }

  /** Never rejects: over a connection that breaks meanwhile nothing comes any more. */
  async remove(channels: readonly Channel[]): Promise<void> {
    this.#unwant(channels)
    if (this.#client === undefined) return
    try {
      await this.#change()
    } catch (error) {
      this.#report({ kind: 'warning', detail: 'Redis pub/sub could not be told to send less.', error: toError(error) })
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#client = undefined
    this.#active.clear()
    this.#link.close()
    await this.#ping.stop()
  }

  #unwant(channels: readonly Channel[]): void {
    for (const { name } of channels) {
      const entry = this.#wanted.get(name)
      if (entry !== undefined && --entry.consumers === 0) this.#wanted.delete(name)
    }
  }

  /** One change after the other. */
  #change(): Promise<void> {
    const change = this.#changing.then(() => this.#apply())
    this.#changing = change.catch(() => undefined)
    return change
  }

  async #apply(): Promise<void> {
    const client = await this.#link.open()
    if (client !== this.#client) this.#adopt(client)
    for (const [name, { isPattern }] of this.#active) {
      if (this.#wanted.has(name)) continue
      // before the server knows: a copy that comes by another subscription must not be taken for this one's
      this.#active.delete(name)
      await this.#watched(client, isPattern ? client.punsubscribe(name) : client.unsubscribe(name))
    }
    const missing = [...this.#wanted.values()].map(({ channel }) => channel).filter(({ name }) => !this.#active.has(name))
    for (const isPattern of [false, true]) {
      const channels = missing.filter((channel) => channel.isPattern === isPattern)
      if (channels.length === 0) continue
      const names = channels.map(({ name }) => name)
      await this.#watched(client, isPattern ? client.psubscribe(...names) : client.subscribe(...names))
      if (this.#client === client) for (const channel of channels) this.#active.set(channel.name, channel)
    }
    if (!this.#missed || this.#client !== client) return
    this.#missed = false
    this.#listener.gap()
  }

  #adopt(client: Redis): void {
    this.#client = client
    this.#active.clear()
    client.on('messageBuffer', (channel: Buffer, payload: Buffer) => {
      const name = channel.toString()
      this.#receive(client, name, name, payload)
    })
    client.on('pmessageBuffer', (pattern: string | Buffer, channel: Buffer, payload: Buffer) =>
      this.#receive(client, pattern.toString(), channel.toString(), payload),
    )
  }

  /** The server sends a copy for each subscription that covers a channel; the one by the oldest counts. */
  #receive(client: Redis, by: string, channel: string, payload: Buffer): void {
    if (client !== this.#client) return
    for (const [name, older] of this.#active) {
      if (name === by) break
      if (older.covers(channel)) return
    }
    this.#listener.message(channel, payload)
  }

  #lost(): void {
    if (this.#client !== undefined && this.#active.size > 0) this.#missed = true
    this.#client = undefined
    this.#active.clear()
    if (this.#closed || this.#recovering || this.#wanted.size === 0) return
    this.#recovering = true
    void this.#recover()
  }

  async #recover(): Promise<void> {
    for (let failures = 0; !this.#closed; failures++) {
      try {
        await this.#change()
        if (this.#client !== undefined || this.#wanted.size === 0) break
      } catch (error) {
        if (this.#closed || error instanceof ClosedError) break
        this.#report({ kind: 'warning', detail: 'Redis pub/sub is not listening; it is tried again.', error: toError(error) })
      }
      await pause(Math.min(50 * 2 ** failures, 1_000))
    }
    this.#recovering = false
  }

  /** A dead socket is silent, and so is a topic that nobody publishes to. */
  async #checkAlive(): Promise<void> {
    const client = this.#client
    if (client !== undefined && this.#wanted.size > 0) await this.#watched(client, client.ping())
  }

  async #watched<T>(client: Redis, answer: Promise<T>): Promise<T> {
    const watchdog = setTimeout(() => this.#link.discard(client), this.#options.commandTimeoutMs)
    try {
      return await answer
    } finally {
      clearTimeout(watchdog)
    }
  }
}
