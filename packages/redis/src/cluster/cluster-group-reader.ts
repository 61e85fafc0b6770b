import type { BrokerContext } from '../context.js'
import { type EntryReader, type RawEntry, readReply } from '../group-reader.js'
import type { Partition, SourceStream } from '../partition.js'
import { readBacklogScript } from '../scripts/index.js'
import type { News } from './news.js'
import { markMs, SlotReader } from './slot-reader.js'

/** Reads what is new for one consumer of a group, wherever in the cluster its partitions are. */
export class ClusterGroupReader implements EntryReader {
  readonly connection: SlotReader
  readonly #context: BrokerContext
  readonly #group: string
  readonly #consumer: string
  /** How many streams had something to give the last time. */
  #active = 1

  constructor(context: BrokerContext, news: News, partitions: readonly Partition[], group: string, consumer: string) {
    this.connection = new SlotReader(
      context,
      news,
      partitions.map((partition) => partition.news),
    )
    this.#context = context
    this.#group = group
    this.#consumer = consumer
  }

  async read(streams: readonly SourceStream[], room: number, blockMs: number): Promise<RawEntry[]> {
    const count = String(Math.max(1, Math.ceil(room / this.#active)))
    const parts = new Map<Partition, SourceStream[]>()
    for (const stream of streams) parts.set(stream.partition, [...(parts.get(stream.partition) ?? []), stream])
    const entries = await this.connection.read(
      [...parts.values()].map((part) => () => this.#look(part, count)),
      blockMs,
    )
    this.#active = Math.max(1, new Set(entries.map(({ stream }) => stream)).size)
    return entries
  }

  /** Once: an answer that got lost is found among the own pending entries. */
  async #look(streams: readonly SourceStream[], count: string): Promise<readonly RawEntry[]> {
    const fences = streams.map(({ partition }) => partition.fence)
    const [first] = streams
    if (first === undefined) return []
    const names = streams.map(({ key }) => key)
    const values = [this.#group, this.#consumer, count, String(markMs)]
    const keys = [...names, first.partition.waiting]
    const reply = await this.#context.control.at(first.key).once((client) => readBacklogScript.run(client, keys, values))
    const entries: RawEntry[] = []
    if (typeof reply !== 'string') return entries
    readReply(reply, (key, id, fields) => {
      const index = names.indexOf(key)
      entries.push({ stream: streams[index] as SourceStream, fence: fences[index] as string, id, fields })
    })
    return entries
  }
}
