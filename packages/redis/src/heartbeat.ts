import { toError } from '@interline/core'
import type { BrokerContext } from './context.js'
import { compareIds, type Partition, type SourceStream } from './partition.js'
import type { RedisDelivery } from './redis-delivery.js'
import { heartbeatScript } from './scripts/index.js'
import { Repeat } from './waiting.js'

/**
 * Keeps entries that are owned one by one from being claimed while they are in hand, however long their handlers take, and finds out
 * which were claimed all the same.
 */
export class Heartbeat {
  readonly #context: BrokerContext
  readonly #partitions: readonly Partition[]
  readonly #member: { readonly group: string; readonly consumer: string }
  readonly #lost: (delivery: RedisDelivery) => void
  readonly #repeat: Repeat

  constructor(
    context: BrokerContext,
    partitions: readonly Partition[],
    member: { readonly group: string; readonly consumer: string },
    lost: (delivery: RedisDelivery) => void,
  ) {
    this.#context = context
    this.#partitions = partitions
    this.#member = member
    this.#lost = lost
    const everyMs = context.options.claimIdleMs / 4
    this.#repeat = new Repeat(
      async () => {
        await this.#beat()
        return everyMs
      },
      (error) => {
        context.report({ kind: 'warning', detail: 'A heartbeat failed; it is tried again.', error: toError(error) })
        return everyMs / 2
      },
    )
  }

  start(): void {
    this.#repeat.within(this.#context.options.claimIdleMs / 4)
  }

  stop(): Promise<void> {
    return this.#repeat.stop()
  }

  async #beat(): Promise<void> {
    const streams = this.#partitions.flatMap((partition) => partition.streams.filter((stream) => stream.inHand.size > 0))
    const { control } = this.#context
    await Promise.all(control.split(streams, ({ key }) => key).map((part) => this.#beatFor(part)))
  }

  /** Streams of one slot. */
  async #beatFor(streams: readonly SourceStream[]): Promise<void> {
    const values = [this.#member.group, this.#member.consumer]
    for (const stream of streams) {
      const ids = [...stream.inHand.keys()].sort(compareIds)
      values.push(String(ids.length), ...ids)
    }
    const keys = streams.map(({ key }) => key)
    const route = this.#context.control.at(keys[0] ?? '')
    const answers = (await route.run((client) => heartbeatScript.run(client, keys, values))) as string[][]
    streams.forEach((stream, index) => {
      for (const id of answers[index] ?? []) {
        // What was settled meanwhile is no longer in hand.
        const delivery = stream.inHand.get(id)
        if (delivery !== undefined) this.#lost(delivery)
      }
    })
  }
}
