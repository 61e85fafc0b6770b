import { RabbitMqBroker } from '@interline/rabbitmq'

/** The broker of a worker process: the same as the suite's. */
export function createBroker(namespace, order = 'key') {
  const url = process.env.RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672'
  return new RabbitMqBroker({ url, prefix: namespace, partitions: 4, order })
}
