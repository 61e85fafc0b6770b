import type { Consumer, Receive, Source } from '@interline/core'
import type { BrokerContext } from './context.js'
import { HandOut } from './hand-out.js'
import { Members } from './members.js'
import { Partition, type PartitionSettings } from './partition.js'
import { insist } from './patience.js'

/** One consumer of a durable group at one destination: of its partitions where it keeps order, else of its one queue. */
export class GroupConsumer implements Consumer {
  readonly source: Source
  readonly #context: BrokerContext
  readonly #handOut: HandOut
  readonly #partitions: readonly Partition[]
  readonly #members: Members | undefined
  #topics: readonly string[]
  #stopping: Promise<void> | undefined

  constructor(context: BrokerContext, source: Source, receive: Receive) {
    this.#context = context
    this.source = source
    this.#topics = source.topics
    this.#handOut = new HandOut(receive, source.window, context)
    const { destination, group, order } = source
    const { names, options } = context
    const partition = (settings: Pick<PartitionSettings, 'queue' | 'index' | 'single' | 'suspects'>): Partition =>
      new Partition(context, {
        ...settings,
        group: { destination, group },
        prefetch: Math.min(options.prefetch, source.window),
        handOut: this.#handOut,
        declare: () => this.declare(),
      })
    this.#partitions =
      order === 'key'
        ? Array.from({ length: options.partitions }, (_, index) =>
            partition({ queue: names.queue(destination, group, index), index, single: true, suspects: false }),
          )
        : [
            partition({ queue: names.queue(destination, group), single: false, suspects: false }),
            partition({ queue: names.suspects(destination, group), single: true, suspects: true }),
          ]
    this.#members = order === 'key' ? new Members(context, names.members(destination, group), this.#partitions) : undefined
  }

  /** Messages handed to core and not settled. */
  get unsettled(): number {
    return this.#handOut.unsettled
  }

  /** Messages that are here and not settled, handed out or not. */
  get inHand(): number {
    return this.#partitions.reduce((sum, { inHand }) => sum + inHand, 0)
  }

  /** Resolves when the group takes part in what is published from now on. */
  async start(): Promise<void> {
    await insist(() => this.declare())
    await Promise.all(this.#partitions.map((partition) => partition.start()))
    await this.#members?.start()
  }

  async setTopics(topics: readonly string[]): Promise<void> {
    this.#topics = topics
    await this.#context.topology.ensure(this.#context.layout.topics(this.source, topics))
  }

  pause(): void {
    this.#handOut.pause()
  }

  resume(): void {
    this.#handOut.resume()
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async close(): Promise<void> {
    await this.stop()
    await Promise.all(this.#partitions.map((partition) => partition.close()))
    await this.#members?.close()
  }

  /** What the group needs, where it is not known to be there. */
  async declare(): Promise<void> {
    const { topology, layout } = this.#context
    await topology.ensure(layout.destination(this.source.destination))
    await topology.ensure(layout.group(this.source))
    await topology.ensure(layout.topics(this.source, this.#topics))
  }

  async #stop(): Promise<void> {
    this.#handOut.stop()
    this.#members?.stop()
    await Promise.all(this.#partitions.map((partition) => partition.stop()))
  }
}
