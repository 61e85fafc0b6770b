import { EventBus } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import Emittery from 'emittery'
import { type Order, OrderCreated, order } from '../payload.js'
import { type Contestant, compare, type Rounds, type Table } from '../rounds.js'

const payload = order(0)

/** Within one process: each publish awaited, handlers that only count. */
export async function oneProcess(subscribers: number, rounds: Rounds): Promise<Table> {
  const contestants = [
    emittery(subscribers),
    await interline('interline, codec: reference, dedup: false', subscribers, { codec: 'reference', dedup: false }),
    await interline('interline as it is: JSON, dedup', subscribers, {}),
    bareMap(subscribers),
  ]
  return compare(`In memory, publish awaited, ${subscribers === 1 ? 'one subscriber' : `${subscribers} subscribers`}`, contestants, rounds)
}

function emittery(subscribers: number): Contestant {
  const emitter = new Emittery<{ created: Order }>()
  const handled = new Count(subscribers)
  for (let index = 0; index < subscribers; index++) emitter.on('created', () => handled.one())
  return {
    name: 'emittery',
    async run(events) {
      for (let index = 0; index < events; index++) await emitter.emit('created', payload)
    },
    check: handled.check,
  }
}

interface Options {
  readonly codec?: 'reference'
  readonly dedup?: false
}

async function interline(name: string, subscribers: number, options: Options): Promise<Contestant> {
  const bus = new EventBus({ broker: new MemoryBroker(), ...options })
  const handled = new Count(subscribers)
  for (let index = 0; index < subscribers; index++) await bus.subscribe(OrderCreated, () => handled.one(), { name: `count-${index}` })
  await bus.start()
  return {
    name,
    async run(events) {
      for (let index = 0; index < events; index++) await bus.publish(OrderCreated(payload))
      await bus.idle()
    },
    check: handled.check,
    close: () => bus.close(),
  }
}

function bareMap(subscribers: number): Contestant {
  const handled = new Count(subscribers)
  const handlers = new Map([['created', Array.from({ length: subscribers }, () => (_: Order) => handled.one())]])
  return {
    name: 'a Map of functions, nothing else',
    async run(events) {
      for (let index = 0; index < events; index++) for (const handler of handlers.get('created') ?? []) handler(payload)
    },
    check: handled.check,
  }
}

/** How often handlers ran. */
class Count {
  readonly #subscribers: number
  #handled = 0

  constructor(subscribers: number) {
    this.#subscribers = subscribers
  }

  readonly one = (): void => {
    this.#handled++
  }

  readonly check = (events: number): void => {
    const handled = this.#handled
    this.#handled = 0
    if (handled !== events * this.#subscribers) throw new Error(`${handled} runs of handlers instead of ${events * this.#subscribers}.`)
  }
}
