import { randomBytes } from 'node:crypto'
import { waitFor } from '../waiting/wait-for.js'
import { type PrivateRabbitMq, startRabbitMq } from './private-rabbitmq.js'

const readyLimitMs = 90_000

export interface RabbitMqClusterOptions {
  /** Default 3, the fewest that survive the loss of one. */
  readonly nodes?: number | undefined
  readonly password?: string | undefined
}

/** Starts a RabbitMQ cluster of the test's own on loopback. Needs `rabbitmq-server`. */
export async function startRabbitMqCluster(options: RabbitMqClusterOptions = {}): Promise<RabbitMqCluster> {
  const { nodes: count = 3, password } = options
  const cookie = randomBytes(10).toString('hex').toUpperCase()
  // what has gone silent is taken for lost after a quarter of a minute instead of a whole one
  const settings = ['net_ticktime = 15', 'cluster_partition_handling = ignore']
  const starting = Array.from({ length: count }, () => startRabbitMq({ cookie, password, settings }))
  const started = await Promise.allSettled(starting)
  const nodes = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const cluster = new RabbitMqCluster(nodes)
  try {
    for (const each of started) if (each.status === 'rejected') throw each.reason
    await cluster.join()
  } catch (error) {
    await cluster.close()
    throw error
  }
  return cluster
}

/** Nodes that a test may kill, freeze and bring back. */
export class RabbitMqCluster implements AsyncDisposable {
  readonly nodes: readonly PrivateRabbitMq[]

  constructor(nodes: readonly PrivateRabbitMq[]) {
    this.nodes = nodes
  }

  get urls(): readonly string[] {
    return this.nodes.map(({ url }) => url)
  }

  /** Makes one cluster of nodes that are alone. */
  async join(): Promise<void> {
    const [first, ...others] = this.nodes
    if (first === undefined) return
    for (const node of others) {
      await node.control('stop_app')
      await node.control('join_cluster', first.nodeName)
      await node.control('start_app')
    }
    await this.healthy()
  }

  /** Waits until each running node sees all of them. */
  async healthy(): Promise<void> {
    const running = this.nodes.filter((node) => node.running)
    const seen = async (node: PrivateRabbitMq): Promise<boolean> => {
      const names = await node.control('eval', 'rabbit_nodes:all_running().').catch(() => '')
      return running.every(({ nodeName }) => names.includes(nodeName))
    }
    await waitFor(async () => (await Promise.all(running.map(seen))).every((well) => well), {
      limitMs: readyLimitMs,
      what: 'the nodes of the RabbitMQ cluster to see each other',
    })
  }

  /** How many leaders of quorum queues each running node has. */
  async leaders(): Promise<ReadonlyMap<PrivateRabbitMq, number>> {
    return this.#countByNode('[Node || Queue <- rabbit_amqqueue:list(), {_, Node} <- [amqqueue:get_pid(Queue)]].')
  }

  /** How many connections of clients each running node has. */
  async connections(): Promise<ReadonlyMap<PrivateRabbitMq, number>> {
    return this.#countByNode('[node(Connection) || Connection <- rabbit_networking:connections()].')
  }

  /** Starts what does not run, all at once, as the last to stop must be among them, and waits until the cluster is whole. */
  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()))
    await this.healthy()
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

  async #countByNode(expression: string): Promise<ReadonlyMap<PrivateRabbitMq, number>> {
    const running = this.nodes.filter((node) => node.running)
    const names = (await running[0]?.control('eval', expression)) ?? ''
    return new Map(running.map((node) => [node, names.split(node.nodeName).length - 1]))
  }
}
