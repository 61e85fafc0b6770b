/** Settings of the memory broker, which stays in this process. */
export interface MemoryBrokerConfig {
  /** The most messages that a group may have unhandled at a destination. Default 1,000,000. */
  readonly maxPending?: number | undefined
  /** How many of a destination's newest messages a new group can begin from. Default 1,000. */
  readonly historyLimit?: number | undefined
  /** Default 1 MiB. */
  readonly maxMessageBytes?: number | undefined
}

export interface MemoryStoreConfig {
  /** Retention by age, in seconds. */
  readonly ttl?: number | undefined
  /** Retention by count over all streams. */
  readonly maxEvents?: number | undefined
}

export interface RedisClusterConfig {
  readonly nodes: readonly string[]
  readonly natMap?: Readonly<Record<string, { readonly host: string; readonly port: number }>> | undefined
}

/** Where a Redis is: either `url`, or `host` and its companions, or a `cluster`. Where nothing is said, the environment's REDIS_URL or REDIS_HOST. */
export interface RedisConnectionConfig {
  readonly url?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Number of the database. */
  readonly db?: number | undefined
  /** `true`, or the options of `node:tls`. */
  readonly tls?: boolean | object | undefined
  /** Redis Cluster: some of its nodes, such as `['10.0.0.1:6379']`, and, where its addresses are others from here, what they are. */
  readonly cluster?: RedisClusterConfig | undefined
  /** The beginning of every key, default `interline`. */
  readonly prefix?: string | undefined
  readonly connectTimeoutMs?: number | undefined
  readonly commandTimeoutMs?: number | undefined
}

export interface RedisBrokerConfig extends RedisConnectionConfig {
  /** Streams for each destination, default 8. */
  readonly partitions?: number | undefined
  /** `none` gives up order by key. Default `key`. */
  readonly order?: 'key' | 'none' | undefined
  /** How many replicas must have a publish before it resolves, default 0. */
  readonly waitForReplicas?: number | undefined
  readonly blockMs?: number | undefined
  /** After how much silence a consumer counts as dead and its events go to others. */
  readonly claimIdleMs?: number | undefined
  /** How long a publish is tried again before it is rejected. */
  readonly publishTimeoutMs?: number | undefined
  readonly retention?: { readonly maxEvents?: number | undefined; readonly maxAgeMs?: number | undefined } | undefined
  /** Seconds that handled events are kept. */
  readonly ttl?: number | undefined
  /** Handled events kept for each destination. */
  readonly maxEvents?: number | undefined
}

/** Lossy: every process that listens gets each event, and nothing is kept. Handlers subscribe with `broadcast: true`. */
export interface RedisPubSubBrokerConfig extends RedisConnectionConfig {
  /** How many bytes may wait in this process for slow handlers, default 64 MiB. */
  readonly maxBufferBytes?: number | undefined
}

/** Without an address, the store is where the Redis broker is, else where the environment says. */
export interface RedisStoreConfig extends RedisConnectionConfig {
  /** Seconds that events are kept. */
  readonly ttl?: number | undefined
  /** Events kept over all streams, newest first. */
  readonly maxEvents?: number | undefined
  readonly retention?:
    | {
        readonly maxEvents?: number | undefined
        readonly maxAgeMs?: number | undefined
        /** Events that a reader has not passed: `keep` them (default) until it has, or `remove` them too. */
        readonly unread?: 'keep' | 'remove' | undefined
        readonly intervalMs?: number | undefined
      }
    | undefined
  /** How long an append is tried again before it is rejected. */
  readonly appendTimeoutMs?: number | undefined
}

export interface RabbitMqBrokerConfig {
  /** Such as `amqp://rabbitmq:5672`; of a cluster several. */
  readonly url?: string | readonly string[] | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly vhost?: string | undefined
  readonly tls?: boolean | object | undefined
  /** The beginning of every exchange's and queue's name, default `interline`. */
  readonly prefix?: string | undefined
  /** What groups may ask for, default `key`. */
  readonly order?: 'key' | 'none' | undefined
  /** Queues of a group that keeps order by key, default 8. */
  readonly partitions?: number | undefined
  readonly prefetch?: number | undefined
  readonly heartbeatSeconds?: number | undefined
  readonly connectTimeoutMs?: number | undefined
  /** How long a publish is tried before it is rejected. */
  readonly confirmTimeoutMs?: number | undefined
  /** `false` declares nothing and says what is missing. */
  readonly provision?: boolean | undefined
  /** Where dead letters go instead of the group's own queue. */
  readonly deadLetter?: { readonly exchange: string; readonly routingKey?: string | undefined } | undefined
  /** What becomes of an event that no group wants. */
  readonly unroutable?: 'accept' | 'reject' | undefined
}

export interface KafkaBrokerConfig {
  /** Such as `['kafka1:9092', 'kafka2:9092']`. */
  readonly brokers?: readonly string[] | undefined
  readonly clientId?: string | undefined
  /** The same as `service`, where that is not given. */
  readonly groupId?: string | undefined
  readonly ssl?: boolean | object | undefined
  readonly sasl?:
    | { readonly mechanism?: string | undefined; readonly username?: string | undefined; readonly password?: string | undefined }
    | undefined
  /** Which client library: `kafkajs` (default), or `platformatic`, for which @platformatic/kafka is to be installed. */
  readonly driver?: 'kafkajs' | 'platformatic' | undefined
  /** `none` gives up order by key. Default `key`. */
  readonly order?: 'key' | 'none' | undefined
  /** The beginning of the name of every topic and group. */
  readonly prefix?: string | undefined
  /** Partitions of a topic that is made by Interline, default 8. */
  readonly partitions?: number | undefined
  readonly replicationFactor?: number | undefined
  /** `false`: topics that are missing are refused and not made. */
  readonly provision?: boolean | undefined
  /** After how much silence a consumer counts as dead and its events go to others. */
  readonly sessionTimeoutMs?: number | undefined
  readonly connectTimeoutMs?: number | undefined
  readonly requestTimeoutMs?: number | undefined
  /** How long a publish is tried again before it is rejected. */
  readonly publishTimeoutMs?: number | undefined
  /** The largest event, as the broker allows it. Default 1,000,000. */
  readonly maxMessageBytes?: number | undefined
  /** How soon partitions that were added are seen, default 60,000. */
  readonly metadataMaxAgeMs?: number | undefined
}

export interface NatsBrokerConfig {
  /** Such as `nats://nats:4222`; of a cluster several. */
  readonly url?: string | readonly string[] | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly token?: string | undefined
  readonly tls?: boolean | object | undefined
  /** The beginning of every subject, stream and consumer, default `interline`. */
  readonly prefix?: string | undefined
  /** Copies of each stream in a cluster. */
  readonly replicas?: number | undefined
  readonly retention?:
    | { readonly maxAgeMs?: number | undefined; readonly maxEvents?: number | undefined; readonly maxBytes?: number | undefined }
    | undefined
  /** After how much silence a consumer counts as dead and its events go to others. */
  readonly ackWaitMs?: number | undefined
  readonly requestTimeoutMs?: number | undefined
  /** How long a publish is tried again before it is rejected. */
  readonly publishTimeoutMs?: number | undefined
  readonly maxMessageBytes?: number | undefined
}

/** Where nothing is said, the environment's EVENT_STORE_CONNECTION_URL, DATABASE_URL or PGHOST. */
export interface PostgresStoreConfig {
  readonly url?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly database?: string | undefined
  readonly ssl?: boolean | object | undefined
  readonly schema?: string | undefined
  /** The table of events, and the beginning of the names of all that belongs to it. Default `interline_events`. */
  readonly table?: string | undefined
  /** Folder of a PGlite inside this process, instead of a server. */
  readonly dataDir?: string | undefined
  readonly maxConnections?: number | undefined
  /** `max` is the same as `maxConnections`. */
  readonly pool?: { readonly max?: number | undefined } | undefined
  readonly statementTimeoutMs?: number | undefined
  readonly connectTimeoutMs?: number | undefined
  readonly commandTimeoutMs?: number | undefined
  /** How long an append is tried again before it is rejected. */
  readonly appendTimeoutMs?: number | undefined
  /** Off for a pgbouncer before 1.21 in transaction mode. */
  readonly prepare?: boolean | undefined
  /** Whether processes tell each other of appends by NOTIFY. Off behind a pgbouncer in transaction mode. */
  readonly hints?: boolean | undefined
  /** Whether missing tables are made, default true. */
  readonly migrate?: boolean | undefined
  readonly retention?:
    | {
        readonly maxEvents?: number | undefined
        readonly maxAgeMs?: number | undefined
        readonly unread?: 'keep' | 'remove' | undefined
        readonly intervalMs?: number | undefined
      }
    | undefined
  /** Divides the table of events by time, when it is made. Event ids are then unique within a partition. */
  readonly partition?:
    | { readonly by: 'month' | 'week' | 'day'; readonly ahead?: number | undefined; readonly intervalMs?: number | undefined }
    | undefined
  /** Which events leave the table of events for the archive, which readers go on through. */
  readonly archive?:
    | {
        /** Of compressed files, shared by all processes; without it, archived events are in another table. */
        readonly folder?: string | undefined
        readonly maxEvents?: number | undefined
        readonly maxAgeMs?: number | undefined
        /** Events that a reader has not passed: `keep` them in the table (default) until it has, or `move` them too. */
        readonly unread?: 'keep' | 'move' | undefined
        readonly minEvents?: number | undefined
        /** How long archived events are kept; for ever where it is not said. */
        readonly keepMs?: number | undefined
        readonly intervalMs?: number | undefined
      }
    | undefined
}

/** A broker as data: its type, and its settings under the same name. The adapter's package is loaded when the bus needs it. */
export type BrokerConfig =
  | { readonly type: 'memory'; readonly memory?: MemoryBrokerConfig | undefined }
  | { readonly type: 'redis'; readonly redis?: RedisBrokerConfig | undefined }
  | { readonly type: 'redis-pubsub'; readonly 'redis-pubsub'?: RedisPubSubBrokerConfig | undefined }
  | { readonly type: 'rabbitmq'; readonly rabbitmq?: RabbitMqBrokerConfig | undefined }
  | { readonly type: 'kafka'; readonly kafka?: KafkaBrokerConfig | undefined }
  | { readonly type: 'nats'; readonly nats?: NatsBrokerConfig | undefined }

/** An event store as data. */
export type StoreConfig =
  | { readonly type: 'memory'; readonly memory?: MemoryStoreConfig | undefined }
  | { readonly type: 'redis'; readonly redis?: RedisStoreConfig | undefined }
  | { readonly type: 'postgres'; readonly postgres?: PostgresStoreConfig | undefined }
