export { NatsBroker } from './nats-broker.js'
export type { GivenNatsConnection, NatsOptions, NatsRetention } from './nats-options.js'
