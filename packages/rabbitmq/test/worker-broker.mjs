import { RabbitMqBroker } from '@interline/rabbitmq'

/** The broker of a worker process: the same as the suite's, with the options that are given as JSON. */
export function createBroker(namespace, given = '{}') {
  const options = JSON.parse(given)
  const url = options.port === undefined ? (process.env.RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672') : undefined
  return new RabbitMqBroker({ url, prefix: namespace, partitions: 4, ...options })
}
