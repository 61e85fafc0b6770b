import { randomUUID } from 'node:crypto'
import { type DeadLetter, pause, type Retry, type Source, toError } from '@interline/core'
import type { BrokerContext } from '../context.js'
import type { OutgoingRecord } from '../drivers/driver.js'
import { deadLetterSettings, letterRecords } from '../kafka-dead-letter-store.js'
import type { KafkaDelivery, Settler } from '../kafka-delivery.js'
import { doneHeader, dueHeader, headersOf, holdHeader, progressHeader, refHeader } from '../kafka-message.js'
import type { CommitLoop } from './commit-loop.js'

/** Says in the retry topic that a delivery runs here. */
interface Hold {
  readonly name: string
  readonly progress: string | undefined
}

/** What becomes of deliveries: acknowledged, noted, to come again, dead; or still run here while their partition goes to another process. */
export class Settlement implements Settler {
  readonly #context: BrokerContext
  readonly #retryTopic: string
  readonly #commits: CommitLoop
  readonly #ended: (delivery: KafkaDelivery) => void
  /** Run here and held in the retry topic. */
  readonly #held = new Map<KafkaDelivery, Hold>()
  /** One writing of holds after the other: each ends what was written before it. */
  #holding: Promise<unknown> = Promise.resolve()
  readonly #postponing = new Set<Promise<void>>()
  #extending: ReturnType<typeof setTimeout> | undefined
  #unsettled = 0

  constructor(context: BrokerContext, source: Source, commits: CommitLoop, ended: (delivery: KafkaDelivery) => void) {
    this.#context = context
    this.#retryTopic = context.names.retryTopic(source.group, source.destination)
    this.#commits = commits
    this.#ended = ended
  }

  get unsettled(): number {
    return this.#unsettled
  }

  /** Core gets it now. */
  handed(delivery: KafkaDelivery): void {
    delivery.owned.handed.add(delivery)
    this.#unsettled++
  }

  acknowledge(delivery: KafkaDelivery): boolean | Promise<boolean> {
    if (delivery.ended) return false
    this.#context.counts.acked++
    return this.#settled(delivery)
  }

  async note(delivery: KafkaDelivery, progress: string): Promise<boolean> {
    if (delivery.ended) return false
    if (this.#held.has(delivery)) return (await this.#hold([delivery], progress)).length > 0
    delivery.log.note(delivery.record.offset, progress)
    return this.#commits.committed(delivery.log)
  }

  async retry(delivery: KafkaDelivery, retry: Retry): Promise<boolean> {
    if (delivery.ended) return false
    const again = this.#later(delivery, Date.now() + retry.afterMs, retry.progress)
    const letters = letterRecords(this.#context.names.deadLetters, retry.deadLetters)
    if (!(await this.#store(delivery, [...letters, again], letters.length > 0))) return false
    this.#context.counts.retried++
    this.#context.counts.deadLettered += letters.length
    return this.#settled(delivery)
  }

  async bury(delivery: KafkaDelivery, letters: readonly DeadLetter[]): Promise<boolean> {
    if (delivery.ended) return false
    if (!(await this.#store(delivery, letterRecords(this.#context.names.deadLetters, letters), true))) return false
    this.#context.counts.deadLettered += letters.length
    return this.#settled(delivery)
  }

  release(delivery: KafkaDelivery): void {
    if (delivery.ended) return
    const hold = this.#held.get(delivery)
    delivery.log.release(delivery.record.offset)
    this.end(delivery)
    if (hold === undefined) return
    // no hold of its own: nobody was interrupted at it
    const again = [this.#later(delivery, 0, hold.progress), this.#done(delivery, hold)]
    void this.#context.store(again, delivery.lost)
  }

  /** What was published for later waits in the group's own topic, so that it holds nothing back where it was. */
  postpone(delivery: KafkaDelivery, dueAt: number): void {
    const stored = this.#context.store([this.#later(delivery, dueAt, undefined)], delivery.lost)
    const postponed = stored.then((isStored) => {
      this.#postponing.delete(postponed)
      if (isStored) this.#settle(delivery)
    })
    this.#postponing.add(postponed)
  }

  /**
   * Lets the partition of deliveries that still run go to another process: each is stored again, held back there for as long as this one
   * says that it is at it. Only without order: the key of a held one is not held.
   */
  async handOff(deliveries: readonly KafkaDelivery[]): Promise<void> {
    const running = deliveries.filter(({ ended }) => !ended)
    for (const delivery of await this.#hold(running, undefined)) delivery.log.settle(delivery.record.offset)
    this.#extend()
  }

  /** Those that nobody finished are for others at once. */
  async close(): Promise<void> {
    clearTimeout(this.#extending)
    // what is stored for later and not passed here would come twice
    const limit = new AbortController()
    const late = pause(this.#context.options.requestTimeoutMs, limit.signal)
    await Promise.race([Promise.all(this.#postponing), late])
    limit.abort()
    const left = [...this.#held]
    for (const [delivery] of left) this.end(delivery)
    const records = left.flatMap(([delivery, hold]) => [
      this.#recordOf(delivery, 0, { ...hold, name: randomUUID() }),
      this.#done(delivery, hold),
    ])
    if (records.length > 0) await this.#context.store(records, AbortSignal.timeout(this.#context.options.requestTimeoutMs))
  }

  end(delivery: KafkaDelivery): void {
    if (delivery.ended) return
    delivery.ended = true
    this.#held.delete(delivery)
    if (delivery.owned.handed.delete(delivery)) this.#unsettled--
    this.#ended(delivery)
  }

  /** A suspect is settled when that is committed: the process may end at once, and its successor would blame it. */
  #settled(delivery: KafkaDelivery): boolean | Promise<boolean> {
    const hold = this.#held.get(delivery)
    if (hold !== undefined) return this.#letGo(delivery, hold)
    this.#settle(delivery)
    return delivery.redelivered ? this.#commits.committed(delivery.log) : true
  }

  #settle(delivery: KafkaDelivery): void {
    delivery.log.settle(delivery.record.offset)
    this.#commits.wake()
    this.end(delivery)
  }

  async #letGo(delivery: KafkaDelivery, hold: Hold): Promise<boolean> {
    this.#held.delete(delivery)
    const stored = await this.#context.store([this.#done(delivery, hold)], delivery.lost)
    this.end(delivery)
    return stored
  }

  /** New holds before the old ones go. Answers those that are held now. */
  #hold(deliveries: readonly KafkaDelivery[], progress: string | undefined): Promise<readonly KafkaDelivery[]> {
    // what is lost of one partition says nothing of another
    const losses = [...new Set(deliveries.map(({ lost }) => lost))]
    const held = this.#holding.then(async () => {
      const shares = losses.map((lost) =>
        this.#holdUntil(
          lost,
          deliveries.filter((delivery) => delivery.lost === lost && !delivery.ended),
          progress,
        ),
      )
      return (await Promise.all(shares)).flat()
    })
    this.#holding = held
    return held
  }

  async #holdUntil(
    lost: AbortSignal,
    deliveries: readonly KafkaDelivery[],
    progress: string | undefined,
  ): Promise<readonly KafkaDelivery[]> {
    if (deliveries.length === 0) return []
    const dueAt = Date.now() + this.#context.options.sessionTimeoutMs
    const holds = deliveries.map((delivery) => {
      const before = this.#held.get(delivery)
      const known = before?.progress ?? delivery.log.noteOf(delivery.record.offset) ?? delivery.progress
      return { delivery, before, hold: { name: randomUUID(), progress: progress ?? known } }
    })
    const records = holds.flatMap(({ delivery, before, hold }) => [
      this.#recordOf(delivery, dueAt, hold),
      ...(before === undefined ? [] : [this.#done(delivery, before)]),
    ])
    // what is lost was not finished here: its hold runs out, and others run it
    if (!(await this.#context.store(records, lost)) || lost.aborted) return []
    const late = holds.filter(({ delivery }) => delivery.ended)
    for (const { delivery, hold } of holds) if (!delivery.ended) this.#held.set(delivery, hold)
    // settled or passed on while its hold was on the way
    if (late.length > 0) {
      await this.#context.store(
        late.map(({ delivery, hold }) => this.#done(delivery, hold)),
        lost,
      )
    }
    return deliveries
  }

  #extend(): void {
    clearTimeout(this.#extending)
    if (this.#held.size === 0) return
    this.#extending = setTimeout(() => {
      void this.#hold([...this.#held.keys()], undefined).then(() => this.#extend())
    }, this.#context.options.sessionTimeoutMs / 3)
  }

  async #store(delivery: KafkaDelivery, records: readonly OutgoingRecord[], hasLetters: boolean): Promise<boolean> {
    const { topics, names, report } = this.#context
    while (hasLetters && !topics.knows(names.deadLetters) && !delivery.lost.aborted) {
      try {
        await topics.ensureOwn(names.deadLetters, 1, deadLetterSettings)
      } catch (error) {
        report({ kind: 'warning', detail: 'The topic of dead letters is missing; trying again.', error: toError(error) })
        await pause(500, delivery.lost)
      }
    }
    return (await this.#context.store(records, delivery.lost)) && !delivery.ended
  }

  #recordOf(delivery: KafkaDelivery, dueAt: number, { name, progress }: Hold): OutgoingRecord {
    const record = this.#later(delivery, dueAt, progress)
    return { ...record, headers: { ...record.headers, [holdHeader]: name } }
  }

  #done({ log, record }: KafkaDelivery, { name }: Hold): OutgoingRecord {
    return { topic: this.#retryTopic, partition: log.partition, key: record.key, value: null, headers: { [doneHeader]: name } }
  }

  /** The record as it was, for later and for this group only. In the partition of the same number, which has the same owner. */
  #later(delivery: KafkaDelivery, dueAt: number, progress: string | undefined): OutgoingRecord {
    const { record, log, ref } = delivery
    const { [holdHeader]: _hold, ...headers } = headersOf(record)
    if (progress !== undefined) headers[progressHeader] = progress
    headers[refHeader] = ref
    headers[dueHeader] = String(Math.ceil(dueAt))
    return { topic: this.#retryTopic, partition: log.partition, key: record.key, value: record.value, headers }
  }
}
