import type { StoredMsg } from '@nats-io/jetstream'
import type { NatsContext } from './nats-context.js'

/**
 * What lies beside a message that is not finished. The server counts how often it was handed out, and knows neither how far its handlers
 * got nor whether it was given back in good order.
 */
export interface Note {
  readonly progress?: string | undefined
  /** The number of the hand-out that ended in good order: the next one is no suspect. */
  readonly givenBackAt?: number | undefined
}

export interface FoundNote extends Note {
  readonly place?: number | undefined
}

/** One consumer's notes, one subject for each message, of which the stream keeps the last. Written under the server's confirmation. */
export class Notes {
  readonly #context: NatsContext
  readonly #subject: string

  /** A group that was removed and made again has other notes, as the server counts anew. */
  constructor(context: NatsContext, consumer: string, created: string) {
    this.#context = context
    this.#subject = `${context.notesStream}.${consumer}.${Date.parse(created)}`
  }

  async read(sequence: number): Promise<FoundNote> {
    const { jsm, notesStream } = this.#context
    const stored: StoredMsg | null = await jsm.streams.getMessage(notesStream, { last_by_subj: `${this.#subject}.${sequence}` })
    return stored === null ? {} : { ...stored.json<Note>(), place: stored.seq }
  }

  /** Answers its place. */
  async write(sequence: number, note: Note): Promise<number> {
    const { js, options } = this.#context
    return (await js.publish(`${this.#subject}.${sequence}`, JSON.stringify(note), { timeout: options.requestTimeoutMs })).seq
  }

  /** What can't be removed now goes with its age: a message that is settled never asks for it. */
  remove(place: number): void {
    const { jsm, notesStream } = this.#context
    jsm.streams.deleteMessage(notesStream, place, false).catch(() => undefined)
  }
}
