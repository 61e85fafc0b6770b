export { RabbitMqBroker } from './rabbitmq-broker.js'
export type { RabbitMqDeadLetterOptions, RabbitMqOptions } from './rabbitmq-options.js'
