import { KafkaBroker } from '@interline/kafka'

/** How a worker process makes its broker: with the options that are given as JSON. */
export function createBroker(namespace, given) {
  return new KafkaBroker({ prefix: `${namespace}.`, heartbeatIntervalMs: 200, maxWaitTimeInMs: 100, ...JSON.parse(given) })
}
