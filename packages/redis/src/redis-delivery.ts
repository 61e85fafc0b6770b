import type { Awaitable, DeadLetter, Delivery, Retry, WireMessage } from '@interline/core'
import type { SourceStream } from './partition.js'
import type { DecodedEntry } from './redis-message.js'

/** Who settles deliveries for their consumer. */
export interface Settler {
  acknowledge(delivery: RedisDelivery): Awaitable<boolean>
  note(delivery: RedisDelivery, progress: string): Promise<boolean>
  release(delivery: RedisDelivery): void
  settle(delivery: RedisDelivery, retry: Retry | undefined, letters: readonly DeadLetter[]): Promise<boolean>
}

/** One pending entry in the hands of this process. */
export class RedisDelivery implements Delivery {
  readonly message: WireMessage
  readonly ref: string
  readonly progress: string | undefined
  readonly undecodable: Error | undefined
  readonly redelivered: boolean
  readonly leaving: AbortSignal | undefined
  readonly id: string
  readonly stream: SourceStream
  /** The ownership under which it was fetched; a partition that was lost and taken again has another. */
  readonly fence: string
  /** Whether a note lies beside the entry, to be removed with it. */
  noted: boolean
  /** Whether core has it and has not released it, so that a handler may have begun. */
  handed = false
  /** Settled, lost or given back: nothing more can be done with it here. */
  ended = false
  readonly #settler: Settler
  readonly #shared: AbortController | undefined
  #own: AbortController | undefined

  constructor(settler: Settler, stream: SourceStream, id: string, entry: DecodedEntry, deliveries: number, noted: string) {
    this.#settler = settler
    this.stream = stream
    this.id = id
    this.message = entry.message
    this.ref = entry.ref ?? `${entry.message.destination}:${stream.partition.index}:${stream.retry ? 'retry:' : ''}${id}`
    this.undecodable = entry.undecodable
    this.noted = noted !== ''
    this.progress = noted === '' ? entry.progress : noted
    this.redelivered = deliveries > 1
    this.fence = stream.partition.fence
    this.#shared = this.fence === '' ? undefined : stream.partition.lost
    this.leaving = this.fence === '' ? undefined : stream.partition.leaving.signal
  }

  get lost(): AbortSignal {
    if (this.#shared !== undefined) return this.#shared.signal
    if (this.#own === undefined) {
      this.#own = new AbortController()
      if (this.ended) this.#own.abort()
    }
    return this.#own.signal
  }

  /** Somebody else has it now; and with it all that was fetched under the same lease. */
  lose(): void {
    this.ended = true
    if (!this.handed) return
    this.#own?.abort()
    this.#shared?.abort()
  }

  ack(): Awaitable<boolean> {
    return this.#settler.acknowledge(this)
  }

  note(progress: string): Promise<boolean> {
    return this.#settler.note(this, progress)
  }

  retry(retry: Retry): Promise<boolean> {
    return this.#settler.settle(this, retry, retry.deadLetters)
  }

  deadLetter(letters: readonly DeadLetter[]): Promise<boolean> {
    return this.#settler.settle(this, undefined, letters)
  }

  release(): void {
    this.#settler.release(this)
  }
}
