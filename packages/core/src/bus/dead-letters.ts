import { everyHandler, redrivenProgress } from '../delivery/progress.js'
import { ConfigurationError, UnsupportedFeatureError } from '../errors.js'
import { newEventId } from '../event/event-id.js'
import type { Abortable } from '../ports/abortable.js'
import type { DeadLetter, DeadLetterFilter, DeadLetterList, DeadLetterPage, IDeadLetterStore } from '../ports/dead-letter-store.js'
import type { WireMessage } from '../ports/message.js'
import { KeysInOrder } from './keys-in-order.js'

/** A place with dead letters, and the way back from there to the group that gave them up. */
export interface DeadLetterPlace {
  readonly broker: string
  readonly store: IDeadLetterStore | undefined
  publish(messages: readonly WireMessage[], options?: Abortable): Promise<void>
}

export interface RedriveOptions extends Abortable {
  /**
   * Changes the data of what is redriven, which becomes an event of its own, caused by the dead one. Takes and gives the decoded JSON, or
   * a promise of it.
   */
  readonly edit?: ((data: unknown, letter: DeadLetter) => unknown) | undefined
  /** Events handed back at a time. Default 100. */
  readonly batchSize?: number | undefined
}

export interface RedrivePreview {
  readonly count: number
  /** The first of them. */
  readonly sample: readonly DeadLetter[]
  readonly byHandler: Readonly<Record<string, number>>
}

/** Which dead letters: one by its id, several by their ids, or all that a filter fits. An empty filter means all. */
export type DeadLetterSelection = string | readonly string[] | DeadLetterFilter

const pageSize = 100

/** The dead letters of a bus: looked at, handed back to the one handler that gave them up, or thrown away. */
export class DeadLetters {
  readonly #place: () => Promise<DeadLetterPlace>

  constructor(place: () => Promise<DeadLetterPlace>) {
    this.#place = place
  }

  /** Those of a bus that is still to be made. */
  static later(made: () => Promise<DeadLetters>): DeadLetters {
    return new DeadLetters(async () => (await made()).#place())
  }

  /** Oldest first, a page at a time. */
  async list(filter: DeadLetterFilter = {}, page: DeadLetterPage = {}): Promise<DeadLetterList> {
    return (await this.#store()).list(filter, page)
  }

  async get(id: string, options: Abortable = {}): Promise<DeadLetter | undefined> {
    const { letters } = await this.list({ ids: [id] }, { limit: 1, ...options })
    return letters[0]
  }

  async count(filter: DeadLetterFilter = {}, options?: Abortable): Promise<number> {
    return (await this.#store()).count(filter, options)
  }

  /** What `redrive` with the same selection would touch. Changes nothing. */
  async preview(selection: DeadLetterSelection, options: Abortable = {}): Promise<RedrivePreview> {
    const byHandler: Record<string, number> = {}
    const sample: DeadLetter[] = []
    let count = 0
    for await (const letter of this.#each(selection, options)) {
      count++
      if (sample.length < 10) sample.push(letter)
      const name = `${letter.group}/${letter.handler}`
      byHandler[name] = (byHandler[name] ?? 0) + 1
    }
    return { count, sample, byHandler }
  }

  /**
   * Hands them back: each reaches only the handler that gave it up, with a new budget of attempts. Published first, then removed:
   * a crash in between hands one back twice, under one event id. Where order is kept, one letter of a key means all of that key: the first
   * goes first, and each is removed when it was handled. Answers how many were selected.
   */
  async redrive(selection: DeadLetterSelection, options: RedriveOptions = {}): Promise<number> {
    const place = await this.#place()
    const store = await this.#store()
    let count = 0
    // what dies again meanwhile comes after those that are there now: it would be redriven for ever
    const most = await store.count(filterOf(selection), options)
    const inOrder = new KeysInOrder()
    for await (const letters of batches(this.#each(selection, options, most), options.batchSize ?? pageSize)) {
      const free = letters.filter(({ keepsOrder }) => keepsOrder !== true)
      await place.publish(await Promise.all(free.map((letter) => backToItsHandler(letter, options.edit))), options)
      await store.remove(
        free.map(({ id }) => id),
        options,
      )
      const ordered = letters.filter(({ keepsOrder }) => keepsOrder === true)
      if (options.edit !== undefined) await store.add(await Promise.all(ordered.map((letter) => edited(letter, options.edit))), options)
      await place.publish(inOrder.copiesToRedrive(ordered), options)
      count += letters.length
    }
    return count
  }

  /** Throws them away for good; what waits behind them goes on. Answers how many. */
  async discard(selection: DeadLetterSelection, options: Abortable = {}): Promise<number> {
    const place = await this.#place()
    const store = await this.#store()
    let count = 0
    for await (const letters of batches(this.#each(selection, options), pageSize)) {
      count += await store.remove(
        letters.map(({ id }) => id),
        options,
      )
      await place.publish(new KeysInOrder().newsOf(letters), options)
    }
    return count
  }

  async #store(): Promise<IDeadLetterStore> {
    const { store, broker } = await this.#place()
    if (store !== undefined) return store
    throw new UnsupportedFeatureError(`The ${broker} broker has no dead letters that can be looked at. Configure a dead-letter store.`)
  }

  async *#each(selection: DeadLetterSelection, { signal }: Abortable, most: number = Number.POSITIVE_INFINITY): AsyncGenerator<DeadLetter> {
    const store = await this.#store()
    const filter = filterOf(selection)
    let left = most
    let after: string | undefined
    while (left > 0) {
      signal?.throwIfAborted()
      const page: DeadLetterList = await store.list(filter, { limit: Math.min(pageSize, left), after, signal })
      yield* page.letters
      left -= page.letters.length
      after = page.next
      if (after === undefined) return
    }
  }
}

function filterOf(selection: DeadLetterSelection): DeadLetterFilter {
  return typeof selection === 'string' ? { ids: [selection] } : isList(selection) ? { ids: selection } : selection
}

function isList(selection: readonly string[] | DeadLetterFilter): selection is readonly string[] {
  return Array.isArray(selection)
}

async function backToItsHandler(letter: DeadLetter, edit: RedriveOptions['edit']): Promise<WireMessage> {
  const { message, group, handler } = await edited(letter, edit)
  const target = { group, progress: handler === everyHandler ? undefined : redrivenProgress(handler) }
  const { destination, topic, key, attributes, data } = message
  return { destination, topic, key, attributes, data, target }
}

async function edited(letter: DeadLetter, edit: RedriveOptions['edit']): Promise<DeadLetter> {
  if (edit === undefined) return letter
  const { message } = letter
  const text = typeof message.data === 'string' ? message.data : undefined
  if (text === undefined)
    throw new UnsupportedFeatureError(`Dead letter "${letter.id}" holds no JSON text and can't be edited. Redrive it as it is.`)
  if (message.attributes.keyid !== undefined)
    throw new UnsupportedFeatureError(
      `Dead letter "${letter.id}" has encrypted fields, which belong to its event alone and can't be edited. Redrive it as it is, or publish a new event.`,
    )
  const data = JSON.stringify(await edit(JSON.parse(text), letter)) as string | undefined
  if (data === undefined)
    throw new ConfigurationError(`edit gave no data for dead letter "${letter.id}", which stays where it is. Return the data to redrive.`)
  const attributes = { ...message.attributes, id: newEventId(), causationid: letter.eventId }
  return { ...letter, message: { ...message, attributes, data } }
}

async function* batches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<readonly T[]> {
  let batch: T[] = []
  for await (const item of items) {
    batch.push(item)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
