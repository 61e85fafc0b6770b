export { BrokerRoom, type BrokerRoomOptions } from './adapter/broker-room.js'
export { numberedMessage, numberOf } from './adapter/numbered-message.js'
export type { Limits, PrivateServer, ProcessOptions, RawClient, RawMessage, Scale, TestBrokerOptions } from './contract/broker-options.js'
export { testBroker } from './contract/test-broker.js'
export type { FaultyLine, KillableServer, TestBrokerFaultsOptions } from './faults/fault-options.js'
export { testBrokerFaults } from './faults/test-broker-faults.js'
export { ForwardingBroker } from './forwarding-broker.js'
export { testHybridBus } from './hybrid/test-hybrid-bus.js'
export { testInbox, testOutbox } from './outbox/test-outbox.js'
export type { TestedInbox, TestInboxOptions } from './outbox/tested-inbox.js'
export type { OutboxState, TestedOutbox, TestedTransaction, TestOutboxOptions } from './outbox/tested-outbox.js'
export { type CaseResult, CollectingRunner } from './runner/collecting-runner.js'
export type { ReportLine } from './runner/report.js'
export type { TestRunner } from './runner/test-runner.js'
export { type Direction, FaultProxy, type Faults } from './servers/fault-proxy.js'
export { type FoundServer, findServer, type ServerName } from './servers/find-server.js'
export { freePort } from './servers/free-port.js'
export { KafkaCluster, type KafkaClusterOptions, startKafkaCluster } from './servers/kafka-cluster.js'
export { type KafkaMember, PrivateKafka, type PrivateKafkaOptions, startKafka } from './servers/private-kafka.js'
export { PrivateNats, type PrivateNatsOptions, startNats } from './servers/private-nats.js'
export { PrivatePostgres, type PrivatePostgresOptions, startPostgres } from './servers/private-postgres.js'
export { PrivateRabbitMq, type PrivateRabbitMqOptions, startRabbitMq } from './servers/private-rabbitmq.js'
export { PrivateRedis, type PrivateRedisOptions, startRedis } from './servers/private-redis.js'
export { RabbitMqCluster, type RabbitMqClusterOptions, startRabbitMqCluster } from './servers/rabbitmq-cluster.js'
export { RedisCluster, type RedisClusterOptions, startRedisCluster } from './servers/redis-cluster.js'
export type { PrivateStoreServer, Retaining, Retention, StoreProcessOptions, TestStoreOptions } from './stores/store-suite.js'
export {
  testDeadLetterStore,
  testEventStore,
  testIdempotencyStore,
  testLeaseStore,
  testOperationStore,
  testRateLimiter,
  testSagaStore,
  testSnapshotStore,
} from './stores/test-stores.js'
export type { PublishedEvent } from './virtual-time/published-events.js'
export { type HandledAttempt, TestBus, type TestBusOptions, testBus } from './virtual-time/test-bus.js'
export { VirtualClock } from './virtual-time/virtual-clock.js'
export { type Recorded, Recorder, recorder } from './waiting/recorder.js'
export { Gate, type WaitOptions, waitFor, within } from './waiting/wait-for.js'
