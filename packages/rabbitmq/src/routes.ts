import { PublishError, type WireMessage } from '@interline/core'
import type { BrokerContext } from './context.js'
import { delayHeaderOf, delayUnitMs, longestDelayMs } from './layout.js'
import { addressHeader, type EncodedMessage, optionalHeader, partitionHeader, partitionOf } from './rabbitmq-message.js'
import type { Parcel } from './sending.js'

type Route = Pick<Parcel, 'exchange' | 'routingKey' | 'need' | 'wanted' | 'lane'>

/** The way of a new message: to its partition, to one group alone, and both perhaps only when its time has come. */
export function routeOf(context: BrokerContext, message: WireMessage, encoded: EncodedMessage): Route {
  const { names, layout, options } = context
  const { destination, topic, target, deliverAt } = message
  const delayMs = deliverAt === undefined ? 0 : deliverAt - Date.now()
  const need = layout.destination(destination)
  const { partitions } = options
  const partition = message.key === undefined ? Math.floor(Math.random() * partitions) : partitionOf(message.key, partitions)
  if (target !== undefined) {
    encoded.headers[partitionHeader] = String(partition)
    const group = names.group(destination, target.group)
    return delayMs > 0 ? delayed(context, group, topic, delayMs, encoded) : addressed(context, group, topic, encoded)
  }
  const exchange = need.partitions[partition] as string
  if (delayMs <= 0) {
    const lane = message.key === undefined ? undefined : exchange
    return { exchange, routingKey: topic, need, wanted: options.unroutable === 'reject', lane }
  }
  encoded.headers[optionalHeader] = '1'
  return delayed(context, exchange, topic, delayMs, encoded)
}

/** To one exchange, by the name in a header. */
export function addressed({ names, layout }: BrokerContext, exchange: string, routingKey: string, encoded: EncodedMessage): Route {
  encoded.headers[addressHeader] = exchange
  return { exchange: names.addressed, routingKey, need: layout.addressing(), wanted: true }
}

/** Down the staircase of delays, from the highest step that the delay needs, then to one exchange. */
export function delayed(
  { names, layout, delays }: BrokerContext,
  exchange: string,
  routingKey: string,
  delayMs: number,
  encoded: EncodedMessage,
): Route {
  if (delayMs > longestDelayMs) {
    throw new PublishError(`RabbitMQ holds a message for ${longestDelayMs} ms at most, and ${Math.ceil(delayMs)} ms were asked for.`, {
      outcome: 'failed',
    })
  }
  const units = Math.ceil(delayMs / delayUnitMs)
  const highest = Math.floor(Math.log2(units))
  for (let level = 0, rest = units; level <= highest; level++, rest = Math.floor(rest / 2)) {
    encoded.headers[delayHeaderOf(level)] = String(rest % 2)
  }
  encoded.headers[addressHeader] = exchange
  delays.uses(highest)
  return { exchange: names.delay(highest), routingKey, need: layout.delays(highest), wanted: true }
}
