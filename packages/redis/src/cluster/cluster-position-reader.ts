import type { ReadReply } from '../blocking-reader.js'
import type { BrokerContext } from '../context.js'
import type { PartitionKeys } from '../key-space.js'
import type { PositionReader } from '../position-reader.js'
import { readOnScript } from '../scripts/index.js'
import type { News } from './news.js'
import { markMs, SlotReader } from './slot-reader.js'

/** Reads on in all partitions of a destination, wherever in the cluster they are. */
export class ClusterPositionReader implements PositionReader {
  readonly #context: BrokerContext
  readonly #reader: SlotReader
  readonly #partitions: readonly PartitionKeys[]

  constructor(context: BrokerContext, news: News, destination: string) {
    this.#context = context
    this.#partitions = Array.from({ length: context.options.partitions }, (_, index) => context.keys.partition(destination, index))
    const channels = this.#partitions.map((partition) => partition.news)
    this.#reader = new SlotReader(context, news, channels)
  }

  async prepare(): Promise<number> {
    await this.#reader.prepare()
    return 0
  }

  async read(positions: ReadonlyMap<string, string>, count: number, blockMs: number): Promise<ReadReply> {
    const looks = this.#partitions.map(({ events, waiting }) => async (): Promise<ReadReply> => {
      const values = [positions.get(events) ?? '0', String(count), String(markMs)]
      const reply = await this.#context.control.at(events).once((client) => readOnScript.run(client, [events, waiting], values))
      return (reply as ReadReply | null) ?? []
    })
    return this.#reader.read(looks, blockMs)
  }

  wake(): void {
    this.#reader.wake()
  }

  close(): void {
    this.#reader.close()
  }
}
