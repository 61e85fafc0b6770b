import { NatsBroker } from '@interline/nats'

/** The broker of a worker process: the same as the suite's, with the options that are given as JSON. */
export function createBroker(namespace, given = '{}') {
  return new NatsBroker({
    url: process.env.NATS_URL ?? 'nats://127.0.0.1:4222',
    prefix: namespace,
    ackWaitMs: 2_000,
    ...JSON.parse(given),
  })
}
