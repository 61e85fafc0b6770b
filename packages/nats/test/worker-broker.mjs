import { NatsBroker } from '@interline/nats'

/** The broker of a worker process: the same as the suite's. */
export function createBroker(namespace) {
  return new NatsBroker({ url: process.env.NATS_URL ?? 'nats://127.0.0.1:4222', prefix: namespace, ackWaitMs: 2_000 })
}
