import { newEventId } from '@interline/core'
import { order } from '../payload.js'

/** So many streams a topic has, as with the bus. */
export const partitions = 8

/** An entry as the bus writes it, by hand: the attributes of a CloudEvent beside the payload. */
export function entryOf(number: number): readonly string[] {
  const id = newEventId()
  const attributes = {
    specversion: '1.0',
    id,
    source: 'bench',
    type: 'bench.OrderCreated',
    time: new Date().toISOString(),
    topic: 'bench.created',
    correlationid: id,
    datacontenttype: 'application/json',
  }
  return [...Object.entries(attributes).flat(), 'data', JSON.stringify(order(number))]
}
