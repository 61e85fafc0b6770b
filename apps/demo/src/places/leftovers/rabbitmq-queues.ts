import { RabbitMqBroker } from '@interline/rabbitmq'
import { connect } from 'amqplib'
import { systemClock } from 'interline'
import type { RabbitMqChoice } from '../choices.js'

/** More steps of a delay than there are. */
const delaySteps = 40
/** What a destination has where nobody says otherwise. */
const partitions = 8

/** AMQP lists nothing: the broker knows its groups and destinations, and what else it makes has the names of its README. */
export async function removeQueues({ url, prefix }: RabbitMqChoice['rabbitmq']): Promise<void> {
  const broker = new RabbitMqBroker({ url, prefix })
  await broker.connect({ clock: systemClock, report: () => undefined })
  const groups = await broker.listGroups()
  const destinations = await broker.listDestinations()
  for (const { group, destination } of groups) await broker.removeGroup(group, destination)
  await broker.close()
  const connection = await connect(url)
  try {
    const channel = await connection.createChannel()
    for (const { group, destination } of groups) await channel.deleteQueue(`${prefix}.${destination}:${group}:dead`)
    for (const destination of destinations) {
      await channel.deleteExchange(`${prefix}.${destination}`)
      await channel.deleteExchange(`${prefix}.${destination}:partitions`)
      for (let index = 0; index < partitions; index++) await channel.deleteExchange(`${prefix}.${destination}:partition:${index}`)
    }
    for (const exchange of ['addressed', 'due', 'unwanted']) await channel.deleteExchange(`${prefix}:${exchange}`)
    for (const queue of ['unwanted', 'registry']) await channel.deleteQueue(`${prefix}:${queue}`)
    for (let step = 0; step < delaySteps; step++) {
      await channel.deleteExchange(`${prefix}:delay:${step}`)
      await channel.deleteQueue(`${prefix}:delay:${step}`)
    }
  } finally {
    await connection.close()
  }
}
