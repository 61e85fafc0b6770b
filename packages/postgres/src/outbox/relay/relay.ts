import { randomUUID } from 'node:crypto'
import { type ILogger, type OutboxOutlet, toError } from '@interline/core'
import { pause } from '../../waiting.js'
import { entryState } from '../entry-state.js'
import type { OutboxLink } from '../outbox-link.js'
import type { ResolvedOutboxOptions } from '../outbox-options.js'
import { type Dispatched, dispatch } from './dispatch.js'
import { EntryReader } from './entry-reader.js'
import { EntryTable, type FailedEntry, type Held } from './entry-table.js'
import { Lanes } from './lanes.js'
import { Ownership } from './ownership.js'
import type { TakenEntry } from './taken-entry.js'

export interface RelaySettings {
  readonly link: OutboxLink
  readonly outlet: OutboxOutlet
  readonly options: ResolvedOutboxOptions
  readonly logger: Pick<ILogger, 'warn'>
  /** How often it looks for itself. */
  readonly pollMs: number
}

/** What a relay has done since it was started. */
export interface RelayCounts {
  published: number
  /** Attempts that failed, each event's own and a refused destination's. */
  failed: number
  dead: number
  /** How long the newest published events had waited since they were added. */
  lagMs: number
}

const mostBackoffMs = 5_000
/** After so long a pass ends, to look for what is due and for partitions that have come or gone. */
const passMs = 1_000

/**
 * Publishes what waits in the outbox: of the partitions that it has, in the order of each key. What it has in hand stays in the table until
 * the broker has it, so that whoever takes over after a crash publishes it again, under the same event ids.
 */
export class Relay {
  readonly counts: RelayCounts = { published: 0, failed: 0, dead: 0, lagMs: 0 }
  readonly #settings: RelaySettings
  readonly #table: EntryTable
  readonly #reader: EntryReader
  readonly #ownership: Ownership
  readonly #lanes = new Lanes()
  /** Partitions whose failed entries are known. */
  readonly #adopted = new Set<number>()
  /** Since when they have been this relay's without a gap. */
  #since = ''
  readonly #stopped = new AbortController()
  readonly #waiting: (() => void)[] = []
  #sleep = new AbortController()
  #woken = false
  /** How soon it looks again for what was added here and has not been seen yet. */
  #soonMs = Number.POSITIVE_INFINITY
  #writing: Promise<unknown> = Promise.resolve()
  #running: Promise<unknown> | undefined
  #trouble: string | undefined

  constructor(settings: RelaySettings) {
    this.#settings = settings
    this.#table = new EntryTable(settings.link)
    this.#reader = new EntryReader(this.#table, settings.options.batchSize)
    this.#ownership = new Ownership(settings.link, randomUUID(), settings.options.leaseMs)
  }

  get refused(): readonly string[] {
    return this.#lanes.refused
  }

  /** Why it does not get on, where it does not. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  get partitions(): number {
    return this.#ownership.owned.size
  }

  async start(): Promise<void> {
    await this.#ownership.renew()
    this.#running = Promise.all([this.#run(), this.#stayAlive()])
  }

  /** Something may be new. */
  wake(): void {
    this.#woken = true
    this.#sleep.abort()
  }

  /** Something was added in this process, by a transaction that commits soon, or not at all. */
  expect(): void {
    this.#soonMs = 4
    this.#sleep.abort()
  }

  /** Resolves when a pass that begins after now has come to its end. */
  passed(): Promise<void> {
    if (this.#stopped.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.wake()
    })
  }

  /** Finishes what it has in hand. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    this.wake()
    await this.#running
    for (const resolve of this.#waiting.splice(0)) resolve()
    try {
      await this.#ownership.leave()
    } catch (thrown) {
      this.#settings.logger.warn('The partitions of the outbox were not given back; others have them when the lease ends.', {
        error: toError(thrown).message,
      })
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    for (let failures = 0; !signal.aborted; ) {
      const waiting = this.#waiting.splice(0)
      this.#woken = false
      try {
        const outage = await this.#pass()
        failures = outage === undefined ? 0 : failures + 1
        if (outage !== undefined) this.#tell('The broker takes nothing; what waits in the outbox goes on when it is back.', outage)
        else this.#trouble = undefined
      } catch (thrown) {
        failures++
        this.#forget()
        this.#tell('Relaying from the outbox was interrupted; going on.', toError(thrown))
      }
      for (const resolve of waiting) resolve()
      await (failures === 0
        ? this.#rest()
        : pause(Math.min(mostBackoffMs, 50 * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2), signal))
    }
  }

  /** Until it is woken, or it is time to look. */
  async #rest(): Promise<void> {
    if (this.#woken) return
    this.#sleep = new AbortController()
    const waitMs = Math.min(this.#settings.pollMs, this.#soonMs, this.#lanes.nextInMs)
    this.#soonMs = this.#soonMs > 1_000 ? Number.POSITIVE_INFINITY : this.#soonMs * 2
    await pause(waitMs, AbortSignal.any([this.#sleep.signal, this.#stopped.signal]))
  }

  async #stayAlive(): Promise<void> {
    const { signal } = this.#stopped
    const { leaseMs } = this.#settings.options
    while (!signal.aborted) {
      const { owned, share } = this.#ownership
      await pause(owned.size < share ? Math.min(250, leaseMs / 4) : leaseMs / 4, signal)
      if (signal.aborted) return
      try {
        await this.#ownership.renew()
        if (this.#ownership.since !== this.#since || !same(this.#ownership.owned, this.#adopted)) this.wake()
      } catch (thrown) {
        this.#tell('The lease of the outbox could not be renewed.', toError(thrown))
      }
    }
  }

  /** Everything that can be published now. Answers why the broker takes nothing, where that is so. */
  async #pass(): Promise<Error | undefined> {
    await this.#settle()
    for (const failed of this.#lanes.due()) {
      if (this.#stopped.signal.aborted) return undefined
      const outage = await this.#tryAgain(failed)
      if (outage !== undefined) return outage
    }
    return this.#stream()
  }

  /** Gives back what is too much, and learns what waits in what is new. */
  async #settle(): Promise<void> {
    const surplus = [...this.#ownership.owned].slice(this.#ownership.share)
    if (surplus.length > 0) {
      for (const partition of surplus) this.#adopted.delete(partition)
      await this.#ownership.renew(surplus)
    }
    const { owned, since } = this.#ownership
    if (since !== this.#since) this.#adopted.clear()
    this.#since = since
    for (const partition of this.#adopted) if (!owned.has(partition)) this.#adopted.delete(partition)
    this.#lanes.keep(this.#adopted)
    const news = [...owned].filter((partition) => !this.#adopted.has(partition))
    if (news.length === 0) return
    this.#reader.forget()
    const { maxDelayMs } = this.#settings.options.retry
    for (const failed of await this.#table.adopt(news)) {
      // Longer than any delay: the server's clock was set back.
      this.#lanes.add(failed.waitMs > 2 * maxDelayMs ? { ...failed, waitMs: maxDelayMs } : failed)
    }
    for (const partition of news) this.#adopted.add(partition)
  }

  /** Takes and publishes until nothing is left. The next batch is taken while one is published. */
  async #stream(): Promise<Error | undefined> {
    const until = performance.now() + passMs
    const reader = this.#reader
    reader.begin()
    const take = (): Promise<readonly TakenEntry[]> =>
      reader.take([...this.#adopted].filter((partition) => this.#has(partition)).sort((left, right) => left - right))
    let next = take()
    try {
      for (;;) {
        const batch = await next
        if (batch.length === 0) return undefined
        const goOn = !this.#stopped.signal.aborted && performance.now() < until && this.#lanes.nextInMs > 0
        next = goOn ? take() : Promise.resolve([])
        next.catch(() => undefined)
        const own = batch.filter(({ partition }) => this.#has(partition))
        const outage = await this.#publish(own)
        const all = outage === undefined && own.length === batch.length
        // What was left out, of a broker that is down or a partition that was lost and may be back, is read again.
        if (!all) reader.forget()
        if (outage !== undefined) return outage
        if (goOn && all) continue
        this.wake()
        return undefined
      }
    } finally {
      await next.catch(() => undefined)
      await this.#writing
    }
  }

  /** Whether a partition is this relay's, and has been since it learnt what waits there. */
  #has(partition: number): boolean {
    return this.#ownership.since === this.#since && this.#ownership.owned.has(partition)
  }

  async #publish(batch: readonly TakenEntry[]): Promise<Error | undefined> {
    const takenAt = performance.now()
    const held: Held[] = []
    const destinations = new Map<string, TakenEntry[]>()
    for (const entry of batch) {
      const before = this.#lanes.before(entry)
      if (before !== undefined) held.push(behind(entry, before === 'whole'))
      else {
        const entries = destinations.get(entry.destination)
        if (entries === undefined) destinations.set(entry.destination, [entry])
        else entries.push(entry)
      }
    }
    const results = await Promise.all([...destinations.values()].map((entries) => dispatch(this.#settings.outlet, entries)))
    const published = results.length === 1 ? (results[0] as Dispatched).published : results.flatMap((result) => result.published)
    // Before what failed has its place: what was taken beside it says nothing of its next try.
    this.#count(published, takenAt)
    for (const result of results) held.push(...this.#judge(result))
    await this.#writing
    const put = this.#reader.putting(batch)
    this.#writing = Promise.all([this.#table.complete(published, this.#settings.options.keepSentMs), this.#table.hold(held)]).then(
      ([transaction]) => put(transaction),
    )
    this.#writing.catch(() => undefined)
    return results.find(({ outage }) => outage !== undefined)?.outage
  }

  /** Where what failed is put, and what waits behind it. */
  #judge({ failed, behind: following, refused }: Dispatched): Held[] {
    const held: Held[] = []
    for (const { entry, error, final } of failed) {
      const each = this.#failed(entry, error, final, entry.attempts + 1)
      held.push(each)
      // Given up at once: what waits behind it is let go as behind one that was tried again.
      if (each.state === entryState.dead && following.some(({ key }) => key === entry.key)) this.#lanes.add(laneOf(each, 0))
    }
    for (const entry of following) held.push(behind(entry, false))
    if (refused === undefined) return held
    const { entries, error } = refused
    this.#settings.logger.warn(`The destination "${entries[0]?.destination}" takes nothing; what is for it waits in the outbox.`, {
      error: error.message,
    })
    const heads = new Set<number>()
    for (const entry of entries) {
      if (heads.has(entry.partition)) held.push(behind(entry, true))
      else {
        heads.add(entry.partition)
        held.push(this.#waits(entry, error, entry.attempts + 1, true))
      }
    }
    return held
  }

  #failed(entry: TakenEntry, error: Error, final: boolean, attempts: number): Held {
    if (!final && attempts < this.#settings.options.retry.maxAttempts) return this.#waits(entry, error, attempts, false)
    this.counts.failed++
    this.counts.dead++
    this.#settings.logger.warn('An event of the outbox is given up; look at it, and redrive or discard it.', {
      entry: entry.id,
      destination: entry.destination,
      attempts,
      error: error.message,
    })
    return { entry, state: entryState.dead, whole: false, attempts, delayMs: 0, error: error.message }
  }

  #waits(entry: TakenEntry, error: Error, attempts: number, whole: boolean, leastMs = 0): Held {
    this.counts.failed++
    const { delayMs, maxDelayMs } = this.#settings.options.retry
    const waitMs = Math.min(maxDelayMs, Math.max(leastMs, delayMs * 2 ** Math.min(attempts - 1, 30))) * (1 + Math.random() / 10)
    const held: Held = { entry, state: entryState.failed, whole, attempts, delayMs: waitMs, error: error.message }
    this.#lanes.add(laneOf(held, waitMs))
    return held
  }

  /** What failed is tried again; where it was taken, what waits behind it goes on. */
  async #tryAgain(failed: FailedEntry): Promise<Error | undefined> {
    const entries = await this.#table.probe(failed)
    const head = entries.find(({ id }) => id === failed.id)
    if (head === undefined) return this.#letGo(failed)
    const { published, failed: failures, refused, outage } = await dispatch(this.#settings.outlet, entries)
    this.#count(published, performance.now())
    await this.#table.complete(published, this.#settings.options.keepSentMs)
    if (outage !== undefined) return outage
    if (published.includes(head)) return this.#letGo(failed)
    if (refused !== undefined && !failed.whole && !this.#lanes.tookSince(failed)) {
      // Nothing else went there: it may be the destination that is away, which is not counted.
      await this.#table.hold([this.#waits(head, refused.error, failed.attempts, false, 2 * failed.waitMs)])
      return undefined
    }
    const error = refused?.error ?? failures.find(({ entry }) => entry === head)?.error ?? new Error('It was not taken.')
    if (failed.whole && refused !== undefined) {
      await this.#table.hold([this.#waits(head, error, failed.attempts + 1, true)])
      return undefined
    }
    // Of a destination that took another event, this one is the trouble, and that is its first failure.
    const attempts = failed.whole ? 1 : failed.attempts + 1
    const final = failures.some(({ entry, final }) => entry === head && final)
    this.#lanes.remove(failed)
    const held = this.#failed(head, error, final, attempts)
    const others = failures.filter(({ entry }) => entry !== head).map((each) => this.#failed(each.entry, each.error, each.final, 1))
    await this.#table.hold([held, ...others])
    if (failed.whole || held.state === entryState.dead) {
      this.#reader.forget()
      await this.#table.release(failed)
    }
    return undefined
  }

  async #letGo(failed: FailedEntry): Promise<undefined> {
    this.#reader.forget()
    await this.#table.release(failed)
    this.#lanes.remove(failed)
    this.wake()
  }

  #count(published: readonly TakenEntry[], takenAt: number): void {
    if (published.length === 0) return
    this.counts.published += published.length
    let oldest = 0
    for (const { ageMs, destination } of published) {
      oldest = Math.max(oldest, ageMs)
      this.#lanes.took(destination)
    }
    this.counts.lagMs = oldest + performance.now() - takenAt
    this.#soonMs = Number.POSITIVE_INFINITY
  }

  /** After trouble with the database nobody knows what of it was done: all is learnt anew. */
  #forget(): void {
    this.#adopted.clear()
    this.#lanes.clear()
    this.#reader.forget()
    this.#writing = Promise.resolve()
  }

  /** Once for each trouble, not for each try. */
  #tell(message: string, error: Error): void {
    if (this.#trouble === undefined && !this.#stopped.signal.aborted) this.#settings.logger.warn(message, { error: error.message })
    this.#trouble = `${message} ${error.message}`
  }
}

function behind(entry: TakenEntry, whole: boolean): Held {
  return { entry, state: entryState.behind, whole, attempts: entry.attempts, delayMs: 0, error: null }
}

function laneOf({ entry: { partition, id, destination, key }, attempts, whole }: Held, waitMs: number): FailedEntry {
  return { partition, id, destination, key, attempts, whole, waitMs }
}

function same(left: ReadonlySet<number>, right: ReadonlySet<number>): boolean {
  return left.size === right.size && [...left].every((each) => right.has(each))
}
