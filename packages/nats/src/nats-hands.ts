import { type Delivery, type Source, toError } from '@interline/core'
import { type Msg, nanos } from '@nats-io/transport-node'
import type { NatsContext } from './nats-context.js'
import { handOut, messageOf } from './nats-message.js'
import type { FoundNote, Notes } from './nats-notes.js'

/** The server counts nanoseconds in 64 bits, and takes what does not fit for no delay at all. */
const longestDelayMs = 9e12

/** A message, how often it was handed out, and where the server listens for what becomes of it. */
interface Place {
  readonly sequence: number
  readonly count: number
  readonly reply: string
}

/** Which stream and consumer a message came by, as they are now. */
export interface Origin {
  readonly name: string
  readonly notes: Notes
}

/** What one consumer has in hand, and what becomes of it. */
export class Hands {
  readonly #context: NatsContext
  readonly #source: Source
  /** Told when there is room again. */
  readonly #onRoom: () => void
  readonly #inHand = new Map<Delivery, Place>()
  /** On their way into the hands, or back from there. */
  readonly #moving = new Set<Place>()
  readonly #givingBack = new Set<Promise<unknown>>()
  #lost = new AbortController()
  #stopped: Promise<void> | undefined

  constructor(context: NatsContext, source: Source, onRoom: () => void) {
    this.#context = context
    this.#source = source
    this.#onRoom = onRoom
  }

  get size(): number {
    return this.#inHand.size
  }

  get sequences(): readonly number[] {
    return [...this.#inHand.values()].map(({ sequence }) => sequence)
  }

  /** A delivery for core; `undefined` for what is another group's, or whose time has not come. */
  async take(incoming: Msg, origin: Origin): Promise<Delivery | undefined> {
    const { nc, clock } = this.#context
    const { group, destination, broadcast } = this.#source
    const place: Place = { ...handOut(incoming.reply ?? ''), reply: incoming.reply ?? '' }
    const { message, undecodable } = messageOf(incoming, destination)
    if (message.target !== undefined && message.target.group !== group) return void nc.publish(place.reply, '+ACK')
    const note = place.count === 1 || broadcast ? {} : await this.#noteOf(place, origin.notes)
    const waitMs = (message.deliverAt ?? 0) - clock.now()
    if (waitMs > 0) return this.#handBack(place, origin.notes, note.progress, waitMs)
    return this.#delivery(place, { message, undecodable }, note, origin)
  }

  /** The server starts anew to wait for each. */
  stillAtWork(): void {
    for (const { reply } of [...this.#inHand.values(), ...this.#moving]) this.#context.nc.publish(reply, '+WPI')
  }

  /** What is given back before then would come here again. */
  giveBackAfter(stopped: Promise<void>): void {
    this.#stopped = stopped
  }

  /** All of it belongs to others. */
  lose(): void {
    if (this.#inHand.size === 0) return
    this.#inHand.clear()
    this.#lost.abort()
    this.#lost = new AbortController()
  }

  /** What is left was interrupted: whoever gets it next is to know. */
  async close(): Promise<void> {
    for (const { reply } of this.#inHand.values()) this.#context.nc.publish(reply, '-NAK')
    this.lose()
    await Promise.allSettled(this.#givingBack)
  }

  /** What can't be read now is handed out again after its time. */
  async #noteOf(place: Place, notes: Notes): Promise<FoundNote> {
    this.#moving.add(place)
    try {
      return await notes.read(place.sequence)
    } finally {
      this.#moving.delete(place)
    }
  }

  #delivery(place: Place, read: Pick<Delivery, 'message' | 'undecodable'>, note: FoundNote, { name, notes }: Origin): Delivery {
    const { nc, counts, options } = this.#context
    let { progress, place: notedAt } = note
    const delivery: Delivery = {
      ...read,
      ref: `${name}:${place.sequence}`,
      progress: progress ?? read.message.target?.progress,
      redelivered: place.count > 1 && !this.#source.broadcast && note.givenBackAt !== place.count - 1,
      lost: this.#lost.signal,
      ack: async () => {
        if (!this.#inHand.has(delivery)) return false
        try {
          await nc.request(place.reply, '+ACK', { timeout: options.requestTimeoutMs })
        } finally {
          this.#inHand.delete(delivery)
          this.#onRoom()
        }
        counts.acked++
        if (notedAt !== undefined) notes.remove(notedAt)
        return true
      },
      note: async (text) => {
        if (!this.#inHand.has(delivery)) return false
        progress = text
        notedAt = await notes.write(place.sequence, { progress })
        return this.#inHand.has(delivery)
      },
      retry: async (retry) => {
        if (!this.#inHand.delete(delivery)) return false
        counts.retried++
        await this.#giveBack(place, notes, retry.progress, retry.afterMs)
        return true
      },
      deadLetter: () => delivery.ack(),
      release: () => {
        if (this.#inHand.delete(delivery)) this.#handBack(place, notes, progress, 0)
      },
    }
    this.#inHand.set(delivery, place)
    return delivery
  }

  /** Where nobody waits. What fails here comes again after its time, as a suspect. */
  #handBack(place: Place, notes: Notes, progress: string | undefined, afterMs: number): undefined {
    this.#giveBack(place, notes, progress, afterMs).catch((thrown: unknown) => {
      const detail = `A message of "${this.#source.destination}" was not given back.`
      this.#context.report({ kind: 'warning', detail, error: toError(thrown) })
    })
  }

  /** The note first: a message that came back without it would be a suspect, or have forgotten its attempts. */
  async #giveBack(place: Place, notes: Notes, progress: string | undefined, afterMs: number): Promise<void> {
    const { nc, clock } = this.#context
    const { sequence, count, reply } = place
    const due = clock.monotonic() + afterMs
    const given = (async () => {
      await this.#stopped
      if (!this.#source.broadcast) await notes.write(sequence, { progress, givenBackAt: count })
      const delay = nanos(Math.min(Math.max(0, Math.ceil(due - clock.monotonic())), longestDelayMs))
      nc.publish(reply, `-NAK ${JSON.stringify({ delay })}`)
    })()
    this.#givingBack.add(given)
    this.#moving.add(place)
    try {
      await given
    } finally {
      this.#givingBack.delete(given)
      this.#moving.delete(place)
      this.#onRoom()
    }
  }
}
