export { KafkaBroker } from './kafka-broker.js'
export { KafkaDeadLetterStore } from './kafka-dead-letter-store.js'
export type { KafkaOptions, KafkaSasl } from './kafka-options.js'
