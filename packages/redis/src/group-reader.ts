import { BlockingReader } from './blocking-reader.js'
import type { BrokerContext } from './context.js'
import type { SourceStream } from './partition.js'

/** An entry as Redis gives it. */
export interface RawEntry {
  readonly stream: SourceStream
  /** The ownership under which it was asked for. */
  readonly fence: string
  readonly id: string
  readonly fields: readonly string[]
}

/** Reads what is new for one consumer of a group. */
export class GroupReader {
  readonly connection: BlockingReader
  readonly #group: string
  readonly #consumer: string
  /** How many streams had something to give the last time; COUNT holds for each stream. */
  #active = 1

  constructor(context: BrokerContext, group: string, consumer: string) {
    this.connection = new BlockingReader(context)
    this.#group = group
    this.#consumer = consumer
  }

  /** Waits for up to `blockMs` for new entries of the streams: about `room` of them, more where streams wake up together. */
  async read(streams: readonly SourceStream[], room: number, blockMs: number): Promise<RawEntry[]> {
    const fences = streams.map((stream) => stream.partition.fence)
    const keys = streams.map(({ key }) => key)
    const count = String(Math.max(1, Math.ceil(room / this.#active)))
    const parameters = ['GROUP', this.#group, this.#consumer, 'COUNT', count, 'BLOCK', String(blockMs), 'STREAMS', ...keys]
    for (const _ of streams) parameters.push('>')
    const reply = await this.connection.read('xreadgroup', parameters, blockMs)
    if (reply.length > 0) this.#active = reply.length
    const entries: RawEntry[] = []
    for (const [key, list] of reply) {
      const index = keys.indexOf(key)
      const stream = streams[index]
      const fence = fences[index]
      if (stream === undefined || fence === undefined) continue
      for (const [id, fields] of list) entries.push({ stream, fence, id, fields })
    }
    return entries
  }
}
