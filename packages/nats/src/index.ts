export { NatsBroker } from './nats-broker.js'
export type { NatsOptions, NatsRetention } from './nats-options.js'
