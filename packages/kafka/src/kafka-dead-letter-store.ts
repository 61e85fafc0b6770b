import type { DeadLetter, DeadLetterFilter, DeadLetterList, DeadLetterPage, IDeadLetterStore } from '@interline/core'
import { isDriverError, type KafkaClient, type OutgoingRecord } from './drivers/driver.js'
import { decodeRecord, encodeRecord } from './kafka-message.js'
import type { Topics } from './topics.js'
import { patiently } from './waiting.js'

const letterHeader = 'interline-letter'
const defaultLimit = 100
/** A topic that was only just made has no leader for a moment. */
const readLimitMs = 5_000
const maxFetchBytes = 4 * 1024 * 1024

type Facts = Omit<DeadLetter, 'message'>

/** Each letter as a record: the event as it was, what became of it in one header, and the letter's id as the key. */
export function letterRecords(topic: string, letters: readonly DeadLetter[]): readonly OutgoingRecord[] {
  return letters.map(({ message, ...facts }) => {
    const record = encodeRecord(topic, message)
    return { ...record, partition: 0, key: facts.id, headers: { ...record.headers, [letterHeader]: JSON.stringify(facts) } }
  })
}

/**
 * Dead letters in one compacted topic: the last record of an id counts, and one without a value removes it. Looking reads the whole
 * topic, which is right for the few that there should be; where they are many, keep them in a store with an index.
 */
export class KafkaDeadLetterStore implements IDeadLetterStore {
  readonly #client: KafkaClient
  readonly #topics: Topics
  readonly #topic: string
  readonly #store: (records: readonly OutgoingRecord[]) => Promise<void>

  constructor(client: KafkaClient, topics: Topics, topic: string, store: (records: readonly OutgoingRecord[]) => Promise<void>) {
    this.#client = client
    this.#topics = topics
    this.#topic = topic
    this.#store = store
  }

  async add(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return
    await this.#topics.ensureOwn(this.#topic, 1, true)
    await this.#store(letterRecords(this.#topic, letters))
  }

  async list(filter: DeadLetterFilter = {}, { limit = defaultLimit, after }: DeadLetterPage = {}): Promise<DeadLetterList> {
    const [sinceAt = Number.NEGATIVE_INFINITY, sinceOffset = -1] = after?.split(':').map(Number) ?? []
    const letters: DeadLetter[] = []
    let last = ''
    for (const [offset, letter] of await this.#read()) {
      const isBefore = letter.deadAt < sinceAt || (letter.deadAt === sinceAt && offset <= sinceOffset)
      if (isBefore || !fits(letter, filter)) continue
      if (letters.length === limit) return { letters, next: last }
      letters.push(letter)
      last = `${letter.deadAt}:${offset}`
    }
    return { letters, next: undefined }
  }

  async count(filter: DeadLetterFilter = {}): Promise<number> {
    return (await this.#read()).filter(([, letter]) => fits(letter, filter)).length
  }

  async remove(ids: readonly string[]): Promise<number> {
    const wanted = new Set(ids)
    const found = (await this.#read()).filter(([, { id }]) => wanted.has(id))
    if (found.length === 0) return 0
    await this.#store(found.map(([, { id }]) => ({ topic: this.#topic, partition: 0, key: id, value: null, headers: {} })))
    return found.length
  }

  /** What is there, oldest first, each with its offset. */
  #read(): Promise<readonly (readonly [number, DeadLetter])[]> {
    return patiently(
      () => this.#readOnce(),
      (error) => isDriverError(error, 'temporary'),
      readLimitMs,
    )
  }

  async #readOnce(): Promise<readonly (readonly [number, DeadLetter])[]> {
    if (!this.#topics.knows(this.#topic) && (await this.#client.partitionCount(this.#topic)) === undefined) return []
    const [first, end] = await Promise.all([this.#client.offsets(this.#topic, 'earliest'), this.#client.offsets(this.#topic, 'latest')])
    const until = end.get(0) ?? 0
    const found = new Map<string, readonly [number, DeadLetter]>()
    for (let offset = first.get(0) ?? 0; offset < until; ) {
      const [[node, positions] = []] = await this.#client.leaders([{ topic: this.#topic, partition: 0, offset }])
      if (node === undefined || positions === undefined) break
      const [fetched] = await this.#client.fetch(node, positions, { maxWaitMs: 100, maxBytes: maxFetchBytes })
      if (fetched === undefined) break
      for (const record of fetched.records) {
        const id = record.key?.toString() ?? ''
        const letter = record.value === null && !(letterHeader in record.headers) ? undefined : this.#letterOf(record)
        if (letter === undefined) found.delete(id)
        else found.set(id, [found.get(id)?.[0] ?? record.offset, letter])
      }
      offset = fetched.next
    }
    // by age first: compaction takes the place from what is stored again
    return [...found.values()].sort(([left, one], [right, other]) => one.deadAt - other.deadAt || left - right)
  }

  #letterOf(record: Parameters<typeof decodeRecord>[1]): DeadLetter | undefined {
    const facts = record.headers[letterHeader]
    if (facts === undefined) return undefined
    const letter = JSON.parse(String(facts)) as Facts
    const { message } = decodeRecord(letter.destination, record)
    const key = message.attributes.partitionkey
    return { ...letter, message: { ...message, topic: letter.topic, key } }
  }
}

function fits(letter: DeadLetter, filter: DeadLetterFilter): boolean {
  const { ids, since, until, key } = filter
  if (ids !== undefined && !ids.includes(letter.id)) return false
  if (since !== undefined && letter.deadAt < since.getTime()) return false
  if (until !== undefined && letter.deadAt >= until.getTime()) return false
  if (key !== undefined && letter.message.key !== key) return false
  const names = ['group', 'handler', 'topic', 'eventType', 'correlationId', 'reason'] as const
  return names.every((name) => filter[name] === undefined || filter[name] === letter[name])
}
