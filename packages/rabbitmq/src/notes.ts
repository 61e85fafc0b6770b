import { toError } from '@interline/core'
import type { BrokerContext } from './context.js'
import type { Need } from './topology.js'

/** What one owner of a queue leaves to the next. */
interface Snapshot {
  /** What core noted for messages that are still in the queue, by their names. */
  readonly notes: Readonly<Record<string, string>>
  /** Messages that were given back in good order: handed out before, and yet no suspects. */
  readonly released: readonly string[]
  /** Where all that was handed out before had come to this owner: what of it is interrupted. The rest is no suspect, nor what was on its way. */
  readonly interrupted?: readonly string[] | undefined
}

/**
 * What is noted beside the messages of one queue with a single owner: one message in a queue that holds one, replaced as a whole. The
 * next owner reads it before it hands anything out.
 */
export class Notes {
  readonly #context: BrokerContext
  readonly #queue: string
  readonly #need: Need
  readonly #lost: AbortSignal
  readonly #notes = new Map<string, string>()
  #released: ReadonlySet<string> = new Set()
  #interrupted: ReadonlySet<string> | undefined
  #writing: Promise<void> | undefined
  #next: Promise<void> | undefined

  /** Of an owner until it is `lost`: from then on nothing is written, as that would take the place of what the next one writes. */
  constructor(context: BrokerContext, queue: string, lost: AbortSignal) {
    this.#context = context
    this.#lost = lost
    this.#queue = context.names.notes(queue)
    this.#need = context.layout.notes(this.#queue)
  }

  progressOf(ref: string): string | undefined {
    return this.#notes.get(ref)
  }

  wasReleased(ref: string): boolean {
    return this.#released.has(ref) || this.#interrupted?.has(ref) === false
  }

  /** Reads what the last owner left, and replaces it by our own before it is used: should we die, nothing counts as given back. */
  async load(): Promise<void> {
    await this.#context.topology.ensure(this.#need)
    // on a channel of its own: the numbers on the consumer's are counted
    await this.#context.topology.use(`queue "${this.#queue}"`, async (channel) => {
      const message = await channel.get(this.#queue)
      if (message === false) return
      const { notes, released, interrupted } = this.#read(message.content)
      for (const [ref, progress] of Object.entries(notes)) this.#notes.set(ref, progress)
      this.#released = new Set(released)
      this.#interrupted = interrupted === undefined ? undefined : new Set(interrupted)
      await this.#write([])
      channel.ack(message)
    })
  }

  /** Resolves when it is stored. */
  note(ref: string, progress: string): Promise<void> {
    this.#notes.set(ref, progress)
    return this.#save()
  }

  settled(ref: string): void {
    this.#notes.delete(ref)
  }

  /** The rest of what the last owner noted is of no use any more. */
  keepOnly(refs: ReadonlySet<string>): void {
    for (const ref of this.#notes.keys()) if (!refs.has(ref)) this.#notes.delete(ref)
  }

  /** The last word of an owner that goes in good order. */
  handOver(released: readonly string[], interrupted: readonly string[] | undefined): Promise<void> {
    return this.#write(released, interrupted)
  }

  /** One write at a time; what is noted meanwhile goes with the next. */
  #save(): Promise<void> {
    if (this.#writing === undefined) {
      const writing = this.#write([]).finally(() => (this.#writing = undefined))
      this.#writing = writing
      return writing
    }
    this.#next ??= this.#writing
      // whoever asked for that write is told of its failure
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.#save()
      })
    return this.#next
  }

  #write(released: readonly string[], interrupted?: readonly string[]): Promise<void> {
    const snapshot: Snapshot = { notes: Object.fromEntries(this.#notes), released, interrupted }
    const properties = { persistent: true, contentType: 'application/json' }
    const encoded = { content: JSON.stringify(snapshot), properties, headers: {}, plain: true }
    const place = { exchange: '', routingKey: this.#queue, need: this.#need, lost: this.#lost }
    return this.#context.sender.deliver({ ...place, encoded, wanted: true })
  }

  #read(content: Buffer): Snapshot {
    try {
      const { notes, released, interrupted } = JSON.parse(content.toString()) as Partial<Snapshot>
      return { notes: notes ?? {}, released: released ?? [], interrupted }
    } catch (thrown) {
      const detail = `What was noted in "${this.#queue}" can't be read; attempts are counted anew.`
      this.#context.report({ kind: 'warning', detail, error: toError(thrown) })
      return { notes: {}, released: [] }
    }
  }
}
