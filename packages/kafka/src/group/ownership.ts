import type { Source } from '@interline/core'
import type { BrokerContext } from '../context.js'
import { type CommittedOffset, isDriverError, type KafkaClient } from '../drivers/driver.js'
import { OwnedPartition } from './owned-partition.js'
import { PartitionLog } from './partition-log.js'

/** Which partitions this process owns, and where each of them stands. */
export class Ownership {
  readonly #context: BrokerContext
  readonly #client: KafkaClient
  readonly #source: Source
  readonly #topics: readonly string[]
  readonly #group: string
  readonly #owned = new Map<number, OwnedPartition>()
  /** What was owned here before: to see that a topic was deleted, and to go on where nobody else was meanwhile. */
  readonly #seen = new Map<string, { readonly log: PartitionLog; readonly account: CommittedOffset }>()

  constructor(context: BrokerContext, client: KafkaClient, source: Source, topics: readonly string[]) {
    this.#context = context
    this.#client = client
    this.#source = source
    this.#topics = topics
    this.#group = context.names.group(source.group, source.destination)
  }

  get all(): readonly OwnedPartition[] {
    return [...this.#owned.values()]
  }

  get numbers(): readonly number[] {
    return [...this.#owned.keys()]
  }

  *logs(): Iterable<PartitionLog> {
    for (const { logs, closing } of this.#owned.values()) if (!closing) yield* logs
  }

  get(number: number): OwnedPartition | undefined {
    return this.#owned.get(number)
  }

  /** Starts to own it; its logs come by `load`. */
  add(number: number): OwnedPartition {
    const owned = new OwnedPartition(number)
    this.#owned.set(number, owned)
    return owned
  }

  remove(owned: OwnedPartition): void {
    for (const log of owned.logs) this.#seen.set(`${log.partition} ${log.topic}`, { log, account: log.finalSnapshot() })
    if (this.#owned.get(owned.number) === owned) this.#owned.delete(owned.number)
  }

  /** Reads where the group stands, and tells what it will never see. Answers those that the server does not know yet. */
  async load(partitions: readonly OwnedPartition[]): Promise<readonly OwnedPartition[]> {
    const topics = this.#topics
    const [committed, ...ends] = await Promise.all([
      this.#client.committed(this.#group, topics),
      ...topics.map((topic) => this.#client.offsets(topic, 'earliest')),
      ...topics.map((topic) => this.#client.offsets(topic, 'latest')),
    ])
    const begins = (topic: string, number: number): { readonly first: number; readonly next: number } | undefined => {
      const index = topics.indexOf(topic)
      const [first, next] = [ends[index]?.get(number), ends[index + topics.length]?.get(number)]
      return first === undefined || next === undefined ? undefined : { first, next }
    }
    const left = partitions.filter(({ gone }) => !gone)
    const unknown = left.filter(({ number }) => topics.some((topic) => begins(topic, number) === undefined))
    for (const owned of left) {
      if (unknown.includes(owned)) continue
      owned.logs = topics.flatMap((topic) => {
        const range = begins(topic, owned.number)
        if (range === undefined) return []
        const found = committed.find((each) => each.topic === topic && each.partition === owned.number)
        const position = this.#begin(found ?? { topic, partition: owned.number, offset: -1, metadata: '' }, range.first, range.next)
        const log = new PartitionLog(position)
        log.touch()
        return [log]
      })
    }
    return unknown
  }

  #begin(found: CommittedOffset, first: number, next: number): CommittedOffset {
    const { topic, partition, offset } = found
    const fromTheFirst = { ...found, offset: first, metadata: '' }
    const before = this.#seen.get(`${partition} ${topic}`)
    // the session was over and nobody else took it: what this process knows is true still
    if (offset >= first && offset <= next) return before?.log.isOwn(found) === true ? before.account : found
    if (offset < 0) {
      if (before !== undefined && before.account.offset > first) this.#lossOf(topic, partition, `was deleted, or the group's position was`)
    } else if (offset > next) {
      this.#lossOf(topic, partition, 'was deleted and made again')
    } else {
      const count = first - offset
      this.#lossOf(topic, partition, `lost ${count} events that the group had not handled, by retention or by hand`, count)
    }
    return fromTheFirst
  }

  #lossOf(topic: string, partition: number, what: string, count?: number): void {
    const { destination, group } = this.#source
    this.#context.report({ kind: 'loss', detail: `Partition ${partition} of "${topic}" ${what}.`, destination, group, count })
  }
}

/** Fixes where a group begins that does not exist yet, before anything is published after it. */
export async function createGroup(context: BrokerContext, source: Source, topics: readonly [string, ...string[]]): Promise<boolean> {
  const { control, names } = context
  const group = names.group(source.group, source.destination)
  const committed = await control.committed(group, topics)
  const [main] = topics
  if (committed.some(({ topic, offset }) => topic === main && offset >= 0)) return false
  const latest = await control.offsets(main, 'latest')
  const { from } = source
  const wanted = from === 'now' ? latest : await control.offsets(main, from === 'beginning' ? 'earliest' : from.getTime())
  const offsets = [...latest].map(([partition, end]) => {
    const start = wanted.get(partition) ?? end
    return { topic: main, partition, offset: start < 0 ? end : start, metadata: '' }
  })
  try {
    await control.commit(group, undefined, offsets)
  } catch (error) {
    // somebody else was faster, and is a member already
    if (!isDriverError(error, 'fenced', 'rebalancing')) throw error
  }
  return true
}
