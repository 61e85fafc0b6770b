import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { waitFor } from '../waiting/wait-for.js'
import { freePort } from './free-port.js'
import { type PrivateRedis, startRedis } from './private-redis.js'

const run = promisify(execFile)
const readyLimitMs = 20_000

export interface RedisClusterOptions {
  /** Default 3, the fewest that can agree. */
  readonly masters?: number | undefined
  /** For each master. Default 1. */
  readonly replicas?: number | undefined
  /** After how long a silent master is replaced. Default 1,000. */
  readonly nodeTimeoutMs?: number | undefined
  readonly requirePass?: string | undefined
}

/** Starts a Redis Cluster of the test's own on loopback. Needs `redis-server` and `redis-cli` in the PATH. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicas = 1, nodeTimeoutMs = 1_000, requirePass } = options
  const nodes: PrivateRedis[] = []
  const cluster = new RedisCluster(nodes, requirePass)
  try {
    for (let count = masters * (1 + replicas); count > 0; count--) nodes.push(await startNode(nodeTimeoutMs, requirePass))
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`)
    await cli(requirePass, '--cluster', 'create', ...addresses, '--cluster-replicas', String(replicas), '--cluster-yes')
    await cluster.settled(masters, replicas)
  } catch (error) {
    await cluster.close()
    throw error
  }
  return cluster
}

async function startNode(nodeTimeoutMs: number, requirePass: string | undefined): Promise<PrivateRedis> {
  // the default bus port is 10,000 higher and may be taken or too high
  const busPort = await freePort()
  const own = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-node-timeout', String(nodeTimeoutMs)]
  const password = requirePass === undefined ? [] : ['--masterauth', requirePass]
  return startRedis({
    requirePass,
    arguments: [...own, ...password, '--repl-diskless-sync-delay', '0', '--cluster-config-file', 'nodes.conf'],
  })
}

interface NodeState {
  readonly port: number
  readonly role: 'master' | 'slave'
  readonly failing: boolean
  readonly slots: readonly string[]
}

/** Nodes that a test may kill, freeze and bring back. */
export class RedisCluster implements AsyncDisposable {
  readonly nodes: readonly PrivateRedis[]
  readonly #password: string | undefined

  constructor(nodes: readonly PrivateRedis[], password: string | undefined) {
    this.nodes = nodes
    this.#password = password
  }

  get addresses(): readonly string[] {
    return this.nodes.map(({ port }) => `127.0.0.1:${port}`)
  }

  /** Nodes that have slots and run. */
  async masters(): Promise<readonly PrivateRedis[]> {
    const states = await this.#states()
    const ports = states.filter(({ role, failing, slots }) => role === 'master' && !failing && slots.length > 0).map(({ port }) => port)
    return this.nodes.filter(({ port, running }) => running && ports.includes(port))
  }

  /** Waits until every slot has a master again, and every running node knows it. */
  async healthy(): Promise<void> {
    const well = async (): Promise<boolean> => {
      const answers = await Promise.all(
        this.nodes.filter(({ running }) => running).map(({ port }) => this.#ask(port, 'CLUSTER', 'INFO').catch(() => '')),
      )
      return answers.every((answer) => /cluster_state:ok/.test(answer))
    }
    await waitFor(well, { limitMs: readyLimitMs, what: 'the Redis cluster to be well' })
  }

  /** Starts what does not run, and waits until the cluster is well. */
  async start(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()))
    await this.healthy()
  }

  /** `kill -9` of all nodes. */
  async kill(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()))
  }

  /** Waits until all nodes are there and replicas follow their masters. */
  async settled(masters: number, replicas: number): Promise<void> {
    await this.healthy()
    const followed = async (): Promise<boolean> => {
      const counts = await Promise.all((await this.masters()).map(({ port }) => this.#connectedReplicas(port)))
      return counts.length === masters && counts.every((count) => count === replicas)
    }
    await waitFor(followed, { limitMs: readyLimitMs, what: 'the replicas of the Redis cluster to follow' })
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #states(): Promise<readonly NodeState[]> {
    const running = this.nodes.find((node) => node.running)
    if (running === undefined) return []
    const lines = (await this.#ask(running.port, 'CLUSTER', 'NODES')).trim().split('\n')
    return lines.map((line) => {
      const [, address = '', flags = '', , , , , , ...slots] = line.split(' ')
      const port = Number(/:(\d+)/.exec(address)?.[1])
      const role = flags.includes('master') ? 'master' : 'slave'
      return { port, role, failing: flags.includes('fail'), slots }
    })
  }

  async #connectedReplicas(port: number): Promise<number> {
    return [...(await this.#ask(port, 'INFO', 'replication')).matchAll(/^slave\d+:.*state=online/gm)].length
  }

  #ask(port: number, ...command: readonly string[]): Promise<string> {
    return cli(this.#password, '-p', String(port), ...command)
  }
}

async function cli(password: string | undefined, ...words: readonly string[]): Promise<string> {
  const env = password === undefined ? process.env : { ...process.env, REDISCLI_AUTH: password }
  return (await run('redis-cli', [...words], { env })).stdout
}
