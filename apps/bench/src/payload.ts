import { defineEvent, type EventDefinition, newEventId, staticSchema, type WireMessage } from '@interline/core'

export interface Order {
  readonly id: number
  readonly orderId: string
  readonly customer: string
  readonly total: number
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[]
  readonly note: string
}

export const OrderCreated: EventDefinition<'bench.OrderCreated', Order> = defineEvent('bench.OrderCreated', {
  topic: 'bench.created',
  schema: staticSchema<Order>(),
})

/** As JSON, what the published measurements of others are made with: larger than a toy, smaller than a page. */
export const payloadBytes = 344

const lines = [
  { sku: 'A-100', quantity: 2 },
  { sku: 'B-200', quantity: 1 },
]
const firstId = 10_000_000
const bare = JSON.stringify(make(0, '')).length

/** The order of this number, made anew, of the same size for each. */
export function order(number: number): Order {
  return make(number, 'x'.repeat(payloadBytes - bare))
}

function make(number: number, note: string): Order {
  const id = firstId + number
  return { id, orderId: `o-${id}`, customer: 'c-4711', total: 99.99, lines, note }
}

/** An event as the bus would append it. */
export function message(number: number): WireMessage {
  const id = newEventId()
  return {
    destination: 'bench',
    topic: 'bench.created',
    key: undefined,
    attributes: {
      specversion: '1.0',
      id,
      source: 'bench',
      type: 'bench.OrderCreated',
      time: new Date().toISOString(),
      topic: 'bench.created',
      correlationid: id,
      datacontenttype: 'application/json',
    },
    data: JSON.stringify(order(number)),
  }
}

/** Counts arrivals: `done` resolves with the last of them, and `check` knows which did not come or came twice. */
export class Arrivals {
  #seen = new Uint8Array()
  #left = 0
  #done: () => void = () => undefined
  done: Promise<void> = Promise.resolve()

  expect(events: number): void {
    this.#seen = new Uint8Array(events)
    this.#left = events
    this.done = new Promise((resolve) => (this.#done = resolve))
  }

  readonly arrived = ({ id }: Order): void => {
    const number = id - firstId
    this.#seen[number] = (this.#seen[number] ?? 0) + 1
    if (--this.#left === 0) this.#done()
  }

  check(): void {
    const wrong = this.#seen.findIndex((times) => times !== 1)
    if (wrong !== -1) throw new Error(`Event ${wrong} of ${this.#seen.length} arrived ${this.#seen[wrong]} times instead of once.`)
  }
}
