import { ConnectionError, toError } from '@interline/core'
import type { Channel, ConsumeMessage } from 'amqplib'
import type { BrokerContext } from './context.js'
import { Epoch } from './epoch.js'
import type { Notes } from './notes.js'
import { farewell, insist } from './patience.js'
import { Retrying } from './retrying.js'

export interface ReaderSettings {
  readonly prefetch: number
  /** Sees to it that the queue is there, and answers its name. */
  readonly prepare: (channel: Channel) => Promise<string>
  readonly makeNotes?: ((lost: AbortSignal) => Notes) | undefined
  readonly arrived: (epoch: Epoch, message: ConsumeMessage) => void
  /** The epoch is over; `cancelled` where the server ended it because the queue is gone. */
  readonly lost: (epoch: Epoch, cancelled: boolean) => void
}

/** Consumes one queue, in one epoch after the other, until it is stopped. */
export class QueueReader {
  readonly #context: BrokerContext
  readonly #settings: ReaderSettings
  readonly #again: Retrying
  #epoch: Epoch | undefined
  #opening: Promise<void> | undefined
  #consumerTag: string | undefined
  #ended = false
  #unlisten: () => void = () => undefined

  constructor(context: BrokerContext, settings: ReaderSettings) {
    this.#context = context
    this.#settings = settings
    this.#again = new Retrying(
      () => this.#open(),
      (error) => {
        // a connection that is away tells of itself
        if (context.consuming.model !== undefined)
          context.report({ kind: 'warning', detail: 'A queue can not be consumed; it is tried again.', error })
      },
    )
  }

  get ended(): boolean {
    return this.#ended
  }

  get epoch(): Epoch | undefined {
    return this.#epoch
  }

  /** Rejects where the first epoch can't begin. */
  async start(): Promise<void> {
    await insist(() => this.#open())
    this.#unlisten = this.#context.consuming.listen(() => this.#reopen())
  }

  /** Takes no more of an unordered queue, so that others get it; the channel stays for what is in hand. */
  async cancel(): Promise<void> {
    this.#end()
    const tag = this.#consumerTag
    if (this.#epoch === undefined || tag === undefined) return
    await farewell(this.#epoch.channel.cancel(tag))
  }

  /** Closes the channel: what is in hand goes back, to the place where it was. */
  async close(): Promise<void> {
    this.#end()
    await this.endEpoch()
  }

  /** The same, and a new epoch begins. */
  async turn(): Promise<void> {
    await this.endEpoch()
    this.#reopen()
  }

  async endEpoch(): Promise<void> {
    const epoch = this.#epoch
    if (epoch === undefined) return
    this.#epoch = undefined
    epoch.acknowledger.flushAll()
    await farewell(epoch.channel.close())
    epoch.lose()
  }

  #end(): void {
    this.#ended = true
    this.#again.stop()
    this.#unlisten()
  }

  #reopen(): void {
    if (this.#ended || this.#epoch !== undefined || this.#context.consuming.model === undefined) return
    this.#again.start()
  }

  /** Where there is none. One at a time: a second consumer would be given messages that nobody here takes from it. */
  #open(): Promise<void> {
    if (this.#epoch !== undefined && this.#opening === undefined) return Promise.resolve()
    this.#opening ??= this.#begin().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #begin(): Promise<void> {
    const channel = await this.#context.topology.channel()
    const closed = new Promise<never>((_, reject) => {
      channel.once('close', () => reject(new ConnectionError('The channel of a consumer was closed while it was made ready.')))
    })
    // awaited for as long as it is made ready; afterwards the epoch has a listener of its own
    closed.catch(() => undefined)
    try {
      await Promise.race([this.#consume(channel), closed])
    } catch (thrown) {
      this.#epoch = undefined
      // not awaited: the client never answers where the connection breaks meanwhile
      channel.close().catch(() => undefined)
      throw thrown
    }
    if (this.#ended) await this.endEpoch()
  }

  async #consume(channel: Channel): Promise<void> {
    const { prefetch, prepare, makeNotes, arrived } = this.#settings
    const queue = await prepare(channel)
    await channel.prefetch(prefetch)
    const epoch = new Epoch(queue, channel, prefetch, makeNotes)
    let over = false
    const end = (cancelled: boolean): void => {
      if (over) return
      over = true
      this.#lose(epoch, cancelled)
    }
    channel.on('close', () => end(false))
    this.#epoch = epoch
    const { consumerTag } = await channel.consume(queue, (message) => {
      if (over || this.#epoch !== epoch) return
      if (message !== null) return this.#take(() => arrived(epoch, message))
      end(true)
      // what remains of it is closed; if the server was faster, it is closed already
      channel.close().catch(() => undefined)
    })
    if (over) throw new ConnectionError(`The queue "${queue}" was removed while a consumer of it was made ready.`)
    this.#consumerTag = consumerTag
  }

  /** Nothing may be thrown into the client: it would close the channel. */
  #take(run: () => void): void {
    try {
      run()
    } catch (thrown) {
      this.#context.report({ kind: 'warning', detail: 'A message could not be taken in.', error: toError(thrown) })
    }
  }

  #lose(epoch: Epoch, cancelled: boolean): void {
    if (this.#epoch === epoch) this.#epoch = undefined
    this.#take(() => this.#settings.lost(epoch, cancelled))
    epoch.lose()
    this.#reopen()
  }
}
