import { BlockingReader } from './blocking-reader.js'
import type { BrokerContext } from './context.js'
import type { SourceStream } from './partition.js'
import { type TextFields, textFields } from './redis-message.js'
import { readBacklogScript } from './scripts/index.js'

/** An entry as Redis gives it. */
export interface RawEntry {
  readonly stream: SourceStream
  /** The ownership under which it was asked for. */
  readonly fence: string
  readonly id: string
  readonly fields: TextFields
}

export type Add = (key: string, id: string, fields: TextFields) => void

type Backlog = readonly [
  shapes: readonly (readonly string[])[],
  streams: readonly (readonly [key: string, entries: readonly (readonly [id: string, shape: number, ...values: string[]])[]])[],
]

/** What `readBacklogScript` answers; answers how many streams had something. */
export function readReply(reply: string, add: Add): number {
  const [shapes, found] = JSON.parse(reply) as Backlog
  for (const [key, list] of found) {
    for (const [id, shape, ...values] of list) add(key, id, { names: shapes[shape - 1] as readonly string[], values })
  }
  return found.length
}

/** So many entries in one read are a backlog: it is worth asking for more without waiting. */
const manyEntries = 20

/** What can be waited for. */
export interface Waits {
  /** Connects where that is needed, so that `generation` tells the truth before a read. */
  prepare(): Promise<void>
  /** Grows when what was on its way may be pending and unseen. */
  readonly generation: number
  /** Ends a read that waits, or the next one where none does. */
  wake(): void
  close(): void
}

/** Reads what is new for one consumer of a group. */
export interface EntryReader {
  readonly connection: Waits
  /** Waits for up to `blockMs` for new entries of the streams: about `room` of them, more where streams wake up together. */
  read(streams: readonly SourceStream[], room: number, blockMs: number): Promise<RawEntry[]>
}

/** Over one connection to one server. */
export class GroupReader implements EntryReader {
  readonly connection: BlockingReader
  readonly #group: string
  readonly #consumer: string
  /** How many streams had something to give the last time; COUNT holds for each stream. */
  #active = 1
  #backlog = false

  constructor(context: BrokerContext, group: string, consumer: string) {
    this.connection = new BlockingReader(context)
    this.#group = group
    this.#consumer = consumer
  }

  async read(streams: readonly SourceStream[], room: number, blockMs: number): Promise<RawEntry[]> {
    const fences = streams.map((stream) => stream.partition.fence)
    const keys = streams.map(({ key }) => key)
    const count = String(Math.max(1, Math.ceil(room / this.#active)))
    const entries: RawEntry[] = []
    const add = (key: string, id: string, fields: TextFields): void => {
      const index = keys.indexOf(key)
      const stream = streams[index]
      const fence = fences[index]
      if (stream !== undefined && fence !== undefined) entries.push({ stream, fence, id, fields })
    }
    const active = this.#backlog ? await this.#readBacklog(keys, count, add) : 0
    this.#active = Math.max(1, active === 0 ? await this.#wait(keys, count, blockMs, add) : active)
    this.#backlog = entries.length >= manyEntries
    return entries
  }

  /** Answers how many streams had something. */
  async #readBacklog(keys: readonly string[], count: string, add: Add): Promise<number> {
    const reply = await this.connection.run(readBacklogScript, keys, [this.#group, this.#consumer, count])
    if (typeof reply !== 'string') return 0
    return readReply(reply, add)
  }

  async #wait(keys: readonly string[], count: string, blockMs: number, add: Add): Promise<number> {
    const parameters = ['GROUP', this.#group, this.#consumer, 'COUNT', count, 'BLOCK', String(blockMs), 'STREAMS', ...keys]
    for (const _ of keys) parameters.push('>')
    const reply = await this.connection.read('xreadgroup', parameters, blockMs)
    for (const [key, list] of reply) for (const [id, fields] of list) add(key, id, textFields(fields))
    return reply.length
  }
}
