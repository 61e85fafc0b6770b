import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.js'
import { kafkaJars } from './kafka-jars.js'
import { kafkaAnswers } from './kafka-probe.js'
import { PrivateProcess, started } from './private-process.js'

export interface PrivateKafkaOptions {
  /** A free one where it is not said. It stays the same over restarts. */
  readonly port?: number | undefined
  /** What clients are told to connect to instead, such as the port of a fault proxy. */
  readonly advertisedPort?: number | undefined
  /** Clients must log in with SASL PLAIN. */
  readonly login?: { readonly username: string; readonly password: string } | undefined
  /** More lines of `server.properties`. */
  readonly properties?: Readonly<Record<string, string>> | undefined
  /** Of a node of a cluster; without it the node is alone. */
  readonly member?: KafkaMember | undefined
}

/** What a node knows of the cluster that it belongs to. */
export interface KafkaMember {
  readonly clusterId: string
  readonly nodeId: number
  readonly controllerPort: number
  /** Of all nodes, as `controller.quorum.voters`. */
  readonly voters: string
  /** Where the nodes talk to each other, without a login. */
  readonly internalPort: number
}

const run = promisify(execFile)
const startLimitMs = 60_000
/** A small heap, and a quick start instead of a fast server. */
const javaOptions = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error']

/** Starts a single Kafka node (KRaft) of the test's own, with a data folder that goes away with it. Needs Java, and Maven once. */
export async function startKafka(options: PrivateKafkaOptions = {}): Promise<PrivateKafka> {
  const jars = await kafkaJars()
  const folder = await mkdtemp(join(tmpdir(), 'interline-kafka-'))
  const port = options.port ?? (await freePort())
  const kafka = new PrivateKafka(port, options.member?.controllerPort ?? (await freePort()), folder, jars, options)
  return started(kafka, () => kafka.format())
}

/** A server that a test may kill, freeze and bring back. */
export class PrivateKafka extends PrivateProcess {
  readonly #controllerPort: number
  readonly #folder: string
  readonly #configuration: string
  readonly #jars: string
  readonly #options: PrivateKafkaOptions

  constructor(port: number, controllerPort: number, folder: string, jars: string, options: PrivateKafkaOptions) {
    const configuration = join(folder, 'server.properties')
    super({
      name: 'Kafka',
      binary: 'java',
      install: 'Install Java 17 (Debian: apt-get install openjdk-17-jre-headless).',
      port,
      folder,
      arguments: [...javaOptions, '-cp', join(jars, '*'), 'kafka.Kafka', configuration],
      startLimitMs,
      answers: () => kafkaAnswers({ port }),
    })
    this.#controllerPort = controllerPort
    this.#folder = folder
    this.#configuration = configuration
    this.#jars = jars
    this.#options = options
  }

  get brokers(): readonly string[] {
    return [`127.0.0.1:${this.#options.advertisedPort ?? this.port}`]
  }

  /** Prepares the empty data folder, once. */
  async format(): Promise<void> {
    await writeFile(this.#configuration, properties(this.port, this.#controllerPort, join(this.#folder, 'data'), this.#options))
    const id = this.#options.member?.clusterId ?? newClusterId()
    const words = ['-cp', join(this.#jars, '*'), 'kafka.tools.StorageTool', 'format', '-t', id, '-c', this.#configuration]
    await run('java', [...javaOptions, ...words], { timeout: startLimitMs })
  }
}

/** 16 bytes; one that began with a dash would be read as an option. */
export function newClusterId(): string {
  return randomBytes(16).toString('base64url').replace(/^-/, 'A')
}

function properties(port: number, controllerPort: number, folder: string, options: PrivateKafkaOptions): string {
  const { login, advertisedPort = port, member } = options
  const protocol = login === undefined ? 'PLAINTEXT' : 'SASL_PLAINTEXT'
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required'
  const sasl: Record<string, string> =
    login === undefined
      ? {}
      : {
          'sasl.enabled.mechanisms': 'PLAIN',
          'sasl.mechanism.inter.broker.protocol': 'PLAIN',
          'listener.name.clients.plain.sasl.jaas.config': `${plain} username="${login.username}" password="${login.password}" user_${login.username}="${login.password}";`,
        }
  const all: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `CLIENTS://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `CLIENTS://127.0.0.1:${advertisedPort}`,
    'listener.security.protocol.map': `CLIENTS:${protocol},CONTROLLER:PLAINTEXT`,
    'inter.broker.listener.name': 'CLIENTS',
    'log.dirs': folder,
    'num.partitions': '1',
    'offsets.topic.num.partitions': '4',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    // tests that kill a consumer wait for its session to end
    'group.min.session.timeout.ms': '1000',
    // a node that was killed may be back as soon as it has started
    'broker.session.timeout.ms': '1500',
    'broker.heartbeat.interval.ms': '300',
    'auto.create.topics.enable': 'false',
    ...sasl,
    ...(member === undefined ? {} : propertiesOf(member, port, protocol)),
    ...options.properties,
  }
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

function propertiesOf(
  { nodeId, voters, internalPort, controllerPort }: KafkaMember,
  port: number,
  protocol: string,
): Record<string, string> {
  const clients = `CLIENTS://127.0.0.1:${port}`
  const internal = `INTERNAL://127.0.0.1:${internalPort}`
  return {
    'node.id': String(nodeId),
    'controller.quorum.voters': voters,
    listeners: `${clients},${internal},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `${clients},${internal}`,
    'listener.security.protocol.map': `CLIENTS:${protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    'inter.broker.listener.name': 'INTERNAL',
  }
}
