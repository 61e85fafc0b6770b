import { KafkaBroker } from '@interline/kafka'

/** How a worker process makes its broker. */
export function createBroker(namespace, brokers, sessionTimeoutMs) {
  return new KafkaBroker({
    brokers: brokers.split(','),
    prefix: `${namespace}.`,
    sessionTimeoutMs: Number(sessionTimeoutMs),
    heartbeatIntervalMs: 200,
    maxWaitTimeInMs: 100,
  })
}
