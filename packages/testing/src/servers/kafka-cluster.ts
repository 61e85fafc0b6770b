import { waitFor } from '../waiting/wait-for.js'
import { freePort } from './free-port.js'
import { kafkaState } from './kafka-probe.js'
import { type KafkaMember, newClusterId, type PrivateKafka, type PrivateKafkaOptions, startKafka } from './private-kafka.js'

const readyLimitMs = 60_000

export interface KafkaClusterOptions extends Pick<PrivateKafkaOptions, 'login' | 'properties'> {
  /** Default 3, the fewest of which one can be lost. Every topic has a replica on each. */
  readonly nodes?: number | undefined
  /** How many replicas must have a record before it counts as stored. Default 2. */
  readonly minInSyncReplicas?: number | undefined
}

/** Starts a Kafka cluster (KRaft) of the test's own on loopback: every node is a broker and a controller. Needs Java, and Maven once. */
export async function startKafkaCluster(options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
  const { nodes: count = 3, minInSyncReplicas = 2, login, properties } = options
  const clusterId = newClusterId()
  const ports = await freePorts(count * 3)
  const members = Array.from({ length: count }, (_, index): Omit<KafkaMember, 'voters'> & { readonly port: number } => {
    const [port = 0, internalPort = 0, controllerPort = 0] = ports.slice(index * 3)
    return { clusterId, nodeId: index + 1, port, internalPort, controllerPort }
  })
  const voters = members.map(({ nodeId, controllerPort }) => `${nodeId}@127.0.0.1:${controllerPort}`).join(',')
  const replication = {
    'default.replication.factor': String(count),
    'min.insync.replicas': String(minInSyncReplicas),
    'offsets.topic.replication.factor': String(count),
    'transaction.state.log.replication.factor': String(count),
    'transaction.state.log.min.isr': String(minInSyncReplicas),
    // a replica that is gone is waited for no longer than this
    'replica.lag.time.max.ms': '3000',
    'controller.quorum.election.timeout.ms': '500',
    'controller.quorum.fetch.timeout.ms': '1000',
    ...properties,
  }
  const starting = members.map(({ port, ...member }) => startKafka({ port, login, properties: replication, member: { ...member, voters } }))
  const started = await Promise.allSettled(starting)
  const nodes = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const cluster = new KafkaCluster(
    nodes,
    members.map(({ internalPort }) => internalPort),
  )
  try {
    const failed = started.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    await cluster.whole()
  } catch (error) {
    await cluster.close()
    throw error
  }
  return cluster
}

/** Ports that are free at once, no two of them the same. */
async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>()
  while (ports.size < count) ports.add(await freePort())
  return [...ports]
}

/** Nodes that a test may kill, freeze and bring back. Their ids are 1 and up, in their order. */
export class KafkaCluster implements AsyncDisposable {
  readonly nodes: readonly PrivateKafka[]
  readonly #internalPorts: readonly number[]

  constructor(nodes: readonly PrivateKafka[], internalPorts: readonly number[]) {
    this.nodes = nodes
    this.#internalPorts = internalPorts
  }

  get brokers(): readonly string[] {
    return this.nodes.flatMap(({ brokers }) => brokers)
  }

  /** The node with an id, as Kafka's metadata names leaders. */
  node(id: number): PrivateKafka {
    const node = this.nodes[id - 1]
    if (node === undefined) throw new Error(`The cluster has no node ${id}; its nodes are 1 to ${this.nodes.length}.`)
    return node
  }

  /** Waits until every node sees all of them, and every partition has a leader and all its replicas. */
  async whole(): Promise<void> {
    const isWhole = async (): Promise<boolean> => {
      const states = await Promise.all(this.#internalPorts.map((port) => kafkaState({ port })))
      return states.every((state) => state?.nodes === this.nodes.length && state.behind === 0)
    }
    await waitFor(isWhole, { limitMs: readyLimitMs, what: 'the Kafka cluster to be whole' })
  }

  /** Starts what does not run, and waits until the cluster is whole. */
  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()))
    await this.whole()
  }

  /** `kill -9` of all nodes. */
  async kill(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()))
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
