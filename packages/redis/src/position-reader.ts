import { BlockingReader, type ReadReply } from './blocking-reader.js'
import { ClusterPositionReader } from './cluster/cluster-position-reader.js'
import type { BrokerContext } from './context.js'

/** Reads streams on from positions, without a group. */
export interface PositionReader {
  /** Connects where that is needed. Answers a number that grows with every fresh connection, where one is kept for reading. */
  prepare(): Promise<number>
  /** Waits for up to `blockMs` for what comes after the positions, at most `count` entries of each stream. */
  read(positions: ReadonlyMap<string, string>, count: number, blockMs: number): Promise<ReadReply>
  /** Ends a read that waits. */
  wake(): void
  close(): void
}

export function positionReader(context: BrokerContext, destination: string): PositionReader {
  return context.news === undefined ? new BlockingPositionReader(context) : new ClusterPositionReader(context, context.news, destination)
}

class BlockingPositionReader implements PositionReader {
  readonly #reader: BlockingReader

  constructor(context: BrokerContext) {
    this.#reader = new BlockingReader(context)
  }

  async prepare(): Promise<number> {
    await this.#reader.prepare()
    return this.#reader.generation
  }

  async read(positions: ReadonlyMap<string, string>, count: number, blockMs: number): Promise<ReadReply> {
    const parameters = ['COUNT', String(count), 'BLOCK', String(blockMs), 'STREAMS', ...positions.keys(), ...positions.values()]
    return this.#reader.read('xread', parameters, blockMs)
  }

  wake(): void {
    this.#reader.wake()
  }

  close(): void {
    this.#reader.close()
  }
}
