import type { DeadLetter, Retry } from '@interline/core'
import type { Redis } from 'ioredis'
import type { KeySpace } from './key-space.js'
import type { Links } from './links.js'
import { compareIds, type SourceStream } from './partition.js'
import { letterArguments } from './redis-dead-letter-store.js'
import type { RedisDelivery, Settler } from './redis-delivery.js'
import { progressField, refField } from './redis-message.js'
import { acknowledgeScript, addLettersScript, noteScript, type ScriptArgument, settleScript } from './scripts/index.js'

interface Waiting {
  readonly delivery: RedisDelivery
  readonly resolve: (settled: boolean) => void
}

export interface SettlementOwner {
  readonly group: string
  readonly consumer: string
  /** A delivery has come to its end; `settled` is false where it came too late or nobody knows. */
  ended(delivery: RedisDelivery, settled: boolean): void
  /** Core let go of it: it stays here, as if it had not been handed out, until it is given back. */
  released(delivery: RedisDelivery): void
  /** A retry was stored that is due in so many milliseconds. */
  retrying(afterMs: number): void
  failed(error: unknown): void
}

export interface SettlementCounts {
  acked: number
  retried: number
  deadLettered: number
}

/** Longer than a restart of the server; afterwards an entry that is still ours is found again among the own pending ones. */
const settleTimeoutMs = 30_000

/** Ends deliveries in Redis: acknowledgements of one turn in one call, everything else in a call of its own. */
export class Settlement implements Settler {
  readonly #links: Links
  readonly #keys: KeySpace
  readonly #owner: SettlementOwner
  readonly #counts: SettlementCounts
  #acknowledged: Waiting[] = []
  readonly #running = new Set<Promise<unknown>>()

  constructor(links: Links, keys: KeySpace, owner: SettlementOwner, counts: SettlementCounts) {
    this.#links = links
    this.#keys = keys
    this.#owner = owner
    this.#counts = counts
  }

  acknowledge(delivery: RedisDelivery): Promise<boolean> | boolean {
    if (delivery.ended) return false
    return new Promise((resolve) => {
      if (this.#acknowledged.length === 0) setImmediate(() => this.#track(this.#sendAcknowledgements()))
      this.#acknowledged.push({ delivery, resolve })
    })
  }

  async note(delivery: RedisDelivery, progress: string): Promise<boolean> {
    if (delivery.ended) return false
    const { stream, id } = delivery
    delivery.noted = true
    const keys = [stream.key, stream.partition.notes, stream.partition.leaseKey]
    const values = [this.#owner.group, this.#owner.consumer, delivery.fence, id, progress]
    const answer = await this.#attempt((timeoutMs) =>
      this.#links.at(stream.key).run((client) => noteScript.run(client, keys, values), timeoutMs),
    )
    if (answer === 1) return true
    this.#lose(delivery)
    return false
  }

  release(delivery: RedisDelivery): void {
    if (delivery.ended || !delivery.handed) return
    delivery.handed = false
    this.#owner.released(delivery)
  }

  settle(delivery: RedisDelivery, retry: Retry | undefined, letters: readonly DeadLetter[]): Promise<boolean> {
    return this.#track(this.#settle(delivery, retry, letters))
  }

  /** Resolves when everything begun has its answer. */
  async flush(): Promise<void> {
    while (this.#acknowledged.length > 0 || this.#running.size > 0) {
      if (this.#acknowledged.length > 0) this.#track(this.#sendAcknowledgements())
      await Promise.all(this.#running)
    }
  }

  async #settle(delivery: RedisDelivery, retry: Retry | undefined, letters: readonly DeadLetter[]): Promise<boolean> {
    if (delivery.ended) return false
    const { stream, id } = delivery
    const { partition } = stream
    const { sharded } = this.#links
    const graves = sharded ? [] : [this.#keys.deadLetters, this.#keys.deadLetterIndex]
    const keys = [stream.key, partition.notes, partition.leaseKey, partition.delayed, ...graves]
    const after = retry === undefined ? '' : String(Math.max(0, retry.afterMs))
    const remove = stream.retry ? '1' : ''
    const { group, consumer } = this.#owner
    const fields = [progressField, retry?.progress ?? '', refField, delivery.ref]
    const values = [group, consumer, delivery.fence, id, remove, after, ...fields, ...(sharded ? [] : letterArguments(letters))]
    // Dead letters are in another slot of a cluster: there they come first, and a crash in between stores them again under the same ids.
    if (sharded && letters.length > 0 && !(await this.#bury(letters))) {
      this.#lose(delivery)
      return false
    }
    let repeated = false
    const answer = await this.#attempt((timeoutMs) =>
      this.#links.at(stream.key).run((client, again) => {
        repeated ||= again
        return settleScript.run(client, keys, values)
      }, timeoutMs),
    )
    const settled = answer === 1 || answer === 3 || (answer === 2 && repeated)
    if (settled) {
      if (retry !== undefined) {
        this.#counts.retried++
        this.#owner.retrying(retry.afterMs)
      }
      this.#counts.deadLettered += letters.length
      this.#finish(delivery)
    } else {
      this.#lose(delivery)
    }
    return settled
  }

  async #bury(letters: readonly DeadLetter[]): Promise<boolean> {
    const keys = [this.#keys.deadLetters, this.#keys.deadLetterIndex]
    const route = this.#links.at(this.#keys.deadLetters)
    const work = (client: Redis): Promise<unknown> => addLettersScript.run(client, keys, letterArguments(letters))
    return (await this.#attempt((timeoutMs) => route.run(work, timeoutMs))) === 1
  }

  async #sendAcknowledgements(): Promise<void> {
    const waiting = this.#acknowledged
    if (waiting.length === 0) return
    this.#acknowledged = []
    const parts = this.#links.split(group(waiting), ({ stream }) => stream.key)
    await Promise.all(parts.map((sections) => this.#sendSections(sections)))
  }

  /** Sections of one slot. */
  async #sendSections(sections: readonly Section[]): Promise<void> {
    const keys: string[] = []
    const values: ScriptArgument[] = [this.#owner.group, this.#owner.consumer]
    for (const section of sections) addSection(section, keys, values)
    let repeated = false
    const answers = (await this.#attempt((timeoutMs) =>
      this.#links.at(keys[0] ?? '').run((client, again) => {
        repeated ||= again
        return acknowledgeScript.run(client, keys, values)
      }, timeoutMs),
    )) as (number | (string | number)[])[] | undefined
    sections.forEach((section, index) => {
      const answer = answers?.[index]
      const failed = new Map<string, number>()
      if (Array.isArray(answer)) for (let at = 0; at < answer.length; at += 2) failed.set(String(answer[at]), Number(answer[at + 1]))
      for (const { delivery, resolve } of section.waiting) {
        const status = Array.isArray(answer) ? (failed.get(delivery.id) ?? 1) : (answer ?? 0)
        const settled = status === 1 || (status === 2 && repeated)
        if (settled) {
          this.#counts.acked++
          this.#finish(delivery)
        } else {
          this.#lose(delivery)
        }
        resolve(settled)
      }
    })
  }

  /** Never rejects: what can't be settled is told to the owner, and stays pending. */
  async #attempt(work: (timeoutMs: number) => Promise<unknown>): Promise<unknown> {
    try {
      return await work(settleTimeoutMs)
    } catch (error) {
      this.#owner.failed(error)
      return undefined
    }
  }

  #finish(delivery: RedisDelivery): void {
    if (delivery.ended) return
    delivery.ended = true
    this.#owner.ended(delivery, true)
  }

  #lose(delivery: RedisDelivery): void {
    if (delivery.ended) return
    delivery.lose()
    this.#owner.ended(delivery, false)
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work)
    const done = (): void => {
      this.#running.delete(work)
    }
    work.then(done, done)
    return work
  }
}

interface Section {
  readonly stream: SourceStream
  readonly fence: string
  /** Those with notes first. */
  readonly waiting: readonly Waiting[]
  readonly noted: number
}

function group(waiting: readonly Waiting[]): Section[] {
  const sections = new Map<SourceStream, Map<string, Waiting[]>>()
  for (const item of waiting) {
    const { stream, fence } = item.delivery
    let fences = sections.get(stream)
    if (fences === undefined) sections.set(stream, (fences = new Map()))
    const list = fences.get(fence)
    if (list === undefined) fences.set(fence, [item])
    else list.push(item)
  }
  const result: Section[] = []
  for (const [stream, fences] of sections) {
    for (const [fence, list] of fences) {
      const noted = list.filter((item) => item.delivery.noted)
      const ordered = noted.length === 0 ? list : [...noted, ...list.filter((item) => !item.delivery.noted)]
      result.push({ stream, fence, waiting: ordered, noted: noted.length })
    }
  }
  return result
}

function addSection({ stream, fence, waiting, noted }: Section, keys: string[], values: ScriptArgument[]): void {
  keys.push(stream.key, stream.partition.notes, stream.partition.leaseKey)
  let least = ''
  let most = ''
  // One range look-up costs as much as it finds: worth it where a good part of what is in hand is acknowledged.
  if (fence === '' && waiting.length * 4 >= stream.inHand.size) {
    for (const { delivery } of waiting) {
      if (least === '' || compareIds(delivery.id, least) < 0) least = delivery.id
      if (most === '' || compareIds(delivery.id, most) > 0) most = delivery.id
    }
  }
  values.push(fence, stream.retry ? '1' : '', String(waiting.length), String(noted), least, most)
  for (const { delivery } of waiting) values.push(delivery.id)
}
