import {
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterList,
  type DeadLetterPage,
  type IDeadLetterStore,
  PublishError,
  pause,
} from '@interline/core'
import type { BrokerContext } from './context.js'
import { DriverError, isDriverError, type OutgoingRecord } from './drivers/driver.js'
import { decodeRecord, encodeRecord } from './kafka-message.js'
import { patiently } from './waiting.js'

/** The last record of an id counts. */
export const deadLetterSettings: Readonly<Record<string, string>> = { 'cleanup.policy': 'compact' }
const letterHeader = 'interline-letter'
const defaultLimit = 100
/** A topic that was only just made has no leader for a moment, and a quota lets nothing through for a while. */
const readLimitMs = 5_000
const maxFetchBytes = 4 * 1024 * 1024

/** For how long what was read is remembered, so that looking again reads only what is new. Far less than the server keeps removals. */
const memoryMs = 10_000

type Facts = Omit<DeadLetter, 'message'>
/** With the offset of its first record. */
type Found = readonly [number, DeadLetter]

/** What the topic says up to an offset. */
interface Reading {
  readonly letters: Map<string, Found>
  next: number
}

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
  readonly #topic: string
  readonly #context: () => BrokerContext
  #reading: Reading | undefined
  #forgetting: NodeJS.Timeout | undefined
  /** Up to where what is no letter was told of. */
  #toldUntil = -1
  #turn: Promise<unknown> = Promise.resolve()

  /** Of a broker that is connected before anything is asked. */
  constructor(topic: string, context: () => BrokerContext) {
    this.#topic = topic
    this.#context = context
  }

  async add(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return
    await this.#context().topics.ensureOwn(this.#topic, 1, deadLetterSettings)
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
    return this.#bury((await this.#read()).filter(([, { id }]) => wanted.has(id)))
  }

  /** Removes all. */
  async clear(): Promise<void> {
    await this.#bury(await this.#read())
  }

  async #bury(found: readonly Found[]): Promise<number> {
    if (found.length === 0) return 0
    await this.#store(found.map(([, { id }]) => ({ topic: this.#topic, partition: 0, key: id, value: null, headers: {} })))
    return found.length
  }

  /** What is there, oldest first, each with its offset. */
  #read(): Promise<readonly Found[]> {
    // a node that has not heard of the topic yet must not be taken for an empty one
    const read = (): Promise<readonly Found[]> =>
      patiently(
        () => this.#readOnce(),
        (error) => isDriverError(error, 'temporary', 'unknown-topic'),
        readLimitMs,
      )
    const found = this.#turn.then(read)
    this.#turn = found.catch((error: unknown) => {
      if (isDriverError(error, 'unknown-topic')) this.#context().topics.forget(this.#topic)
    })
    return found
  }

  async #readOnce(): Promise<readonly Found[]> {
    const { control: client, topics } = this.#context()
    if (!topics.knows(this.#topic) && (await client.partitionCount(this.#topic)) === undefined) return []
    const [first, end] = await Promise.all([client.offsets(this.#topic, 'earliest'), client.offsets(this.#topic, 'latest')])
    const [from, until] = [first.get(0) ?? 0, end.get(0) ?? 0]
    const reading = this.#readingFrom(from, until)
    const { letters } = reading
    let since = performance.now()
    while (reading.next < until) {
      const [[node, positions] = []] = await client.leaders([{ topic: this.#topic, partition: 0, offset: reading.next }])
      if (node === undefined || positions === undefined) throw new DriverError('temporary', `"${this.#topic}" has no leader.`)
      const [fetched] = await client.fetch(node, positions, { maxWaitMs: 100, maxBytes: maxFetchBytes })
      if (fetched === undefined) {
        // nothing for now, and yet not the end: what was read so far is not all
        if (performance.now() - since > readLimitMs) {
          throw new DriverError(
            'temporary',
            `Kafka gave nothing of "${this.#topic}" from offset ${reading.next} on, and it goes to ${until}.`,
          )
        }
        await pause(20)
        continue
      }
      since = performance.now()
      for (const record of fetched.records) {
        const id = record.key?.toString() ?? ''
        const letter = record.value === null && !(letterHeader in record.headers) ? undefined : this.#letterOf(record)
        if (letter === undefined) letters.delete(id)
        else letters.set(id, [letters.get(id)?.[0] ?? record.offset, letter])
      }
      reading.next = fetched.next
    }
    // by age first: compaction takes the place from what is stored again
    return [...letters.values()].sort(([left, one], [right, other]) => one.deadAt - other.deadAt || left - right)
  }

  /** Goes on from what was read a moment ago, where the topic is still the same. */
  #readingFrom(first: number, until: number): Reading {
    clearTimeout(this.#forgetting)
    this.#forgetting = setTimeout(() => (this.#reading = undefined), memoryMs).unref()
    const known = this.#reading
    if (known !== undefined && known.next >= first && known.next <= until) return known
    return (this.#reading = { letters: new Map(), next: first })
  }

  async #store(records: readonly OutgoingRecord[]): Promise<void> {
    const { store, options } = this.#context()
    if (await store(records, AbortSignal.timeout(options.publishTimeoutMs))) return
    throw new PublishError('Kafka did not take the letters in time.', { outcome: 'unknown' })
  }

  #letterOf(record: Parameters<typeof decodeRecord>[1]): DeadLetter | undefined {
    const facts = record.headers[letterHeader]
    if (facts === undefined) return undefined
    const letter = factsOf(String(facts), record.key?.toString())
    if (letter === undefined) {
      this.#tellOfStranger(record.offset)
      return undefined
    }
    const { message } = decodeRecord(letter.destination, record)
    const key = message.attributes.partitionkey
    return { ...letter, message: { ...message, topic: letter.topic, key } }
  }

  #tellOfStranger(offset: number): void {
    if (offset <= this.#toldUntil) return
    this.#toldUntil = offset
    const detail = `The record at offset ${offset} of "${this.#topic}" is no dead letter that can be read; it is passed over.`
    this.#context().report({ kind: 'warning', detail })
  }
}

/** What somebody else wrote there is no letter. */
function factsOf(text: string, key: string | undefined): Facts | undefined {
  try {
    const facts = JSON.parse(text) as Partial<Facts> | null
    const texts = [facts?.id, facts?.group, facts?.handler, facts?.destination, facts?.topic]
    const isLetter = texts.every((each) => typeof each === 'string') && typeof facts?.deadAt === 'number' && facts.id === key
    return isLetter ? (facts as Facts) : undefined
  } catch {
    return undefined
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
