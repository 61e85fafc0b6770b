import type { Connection } from '@platformatic/kafka'
import { DriverError, isDriverError } from '../driver.js'
import { errorKinds } from '../protocol/error-kinds.js'
import type { PartitionLeader } from '../protocol/partitions.js'
import type { Address, Connections } from './connections.js'
import { answerOf, driverError } from './errors.js'
import type { Library } from './library.js'

type Metadata = Awaited<ReturnType<Library['metadataV9']['api']['async']>>

const noError = 0

/** Who is there and who leads what, as the servers told it last. */
export class Cluster {
  readonly #library: Library
  readonly #connections: Connections
  readonly #seeds: readonly Address[]
  readonly #maxAgeMs: number
  readonly #nodes = new Map<number, Address>()
  readonly #topics = new Map<string, readonly PartitionLeader[]>()
  readonly #problems = new Map<string, string>()
  readonly #wanted = new Set<string>()
  #controller = -1
  #toldAt = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  constructor(library: Library, connections: Connections, seeds: readonly Address[], maxAgeMs: number) {
    this.#library = library
    this.#connections = connections
    this.#seeds = seeds
    this.#maxAgeMs = maxAgeMs
  }

  get nodes(): readonly Address[] {
    return [...this.#nodes.values()]
  }

  get controller(): Address {
    return this.node(this.#controller)
  }

  node(id: number): Address {
    const address = this.#nodes.get(id)
    if (address === undefined) throw new DriverError('temporary', `Node ${id} of the cluster is not there.`)
    return address
  }

  /** What was told may be true no more. */
  doubt(): void {
    this.#toldAt = Number.NEGATIVE_INFINITY
  }

  /** A topic's partitions; empty where it is not known. */
  partitions(topic: string): readonly PartitionLeader[] {
    return this.#topics.get(topic) ?? []
  }

  /** Sees to it that the cluster and these topics are known. Rejects with `unknown-topic` where there is no such topic. */
  async know(topics: readonly string[], isFresh = false): Promise<void> {
    for (const topic of topics) this.#wanted.add(topic)
    const isOld = performance.now() - this.#toldAt > this.#maxAgeMs
    if (isFresh || isOld || topics.some((topic) => !this.#topics.has(topic))) await this.#ask()
    // asked for while another answer was on its way
    if (topics.some((topic) => !this.#topics.has(topic) && !this.#problems.has(topic))) await this.#ask()
    for (const topic of topics) {
      if (this.#topics.has(topic)) continue
      this.#wanted.delete(topic)
      const problem = this.#problems.get(topic) ?? 'UNKNOWN_TOPIC_OR_PARTITION'
      throw new DriverError(errorKinds[problem] ?? 'temporary', `Kafka says of topic "${topic}": ${problem}.`)
    }
  }

  /** Every topic that there is. */
  async topicNames(): Promise<readonly string[]> {
    const { topics } = await this.#metadata(null)
    return topics.filter(({ isInternal }) => !isInternal).map(({ name }) => name)
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#learn().finally(() => (this.#asking = undefined))
    return this.#asking
  }

  async #learn(): Promise<void> {
    const askedAt = performance.now()
    const { brokers, controllerId, topics } = await this.#metadata([...this.#wanted])
    this.#nodes.clear()
    for (const { nodeId, host, port } of brokers) this.#nodes.set(nodeId, { host, port })
    this.#controller = controllerId
    this.#topics.clear()
    this.#problems.clear()
    let isWhole = true
    for (const { name, errorCode, partitions } of topics) {
      if (errorCode !== noError) {
        this.#problems.set(name, this.#library.protocolErrorsCodesById[errorCode] ?? String(errorCode))
        continue
      }
      this.#topics.set(
        name,
        partitions.map(({ partitionIndex, leaderId }) => ({ partitionId: partitionIndex, leader: leaderId })),
      )
      if (partitions.some(({ leaderId }) => leaderId < 0)) isWhole = false
    }
    // a partition without a leader has one soon
    this.#toldAt = isWhole ? askedAt : Number.NEGATIVE_INFINITY
  }

  /** From the first that answers. */
  async #metadata(topics: string[] | null): Promise<Metadata> {
    let failure: DriverError | undefined
    const known = this.nodes
    const seeds = this.#seeds.filter(({ host, port }) => !known.some((each) => each.host === host && each.port === port))
    for (const address of [...shuffled(known), ...seeds]) {
      try {
        const connection: Connection = await this.#connections.get(address, 'requests')
        return await this.#library.metadataV9.api.async(connection, topics, false, false, false)
      } catch (thrown) {
        // what is wrong with one topic says nothing of the others
        const answer = answerOf<Metadata>(thrown)
        if (answer !== undefined) return answer
        const error = driverError(thrown)
        if (failure === undefined || isDriverError(error, 'authentication')) failure = error
      }
    }
    throw failure ?? new DriverError('temporary', 'No node of the cluster is known.')
  }
}

function shuffled<T>(list: readonly T[]): readonly T[] {
  const start = Math.floor(Math.random() * list.length)
  return [...list.slice(start), ...list.slice(0, start)]
}
