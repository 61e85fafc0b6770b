import type { EventBus } from '@interline/core'
import { Arrivals, OrderCreated, order } from '../payload.js'
import { quantile } from '../rounds.js'

export interface Latency {
  readonly name: string
  readonly p50Micros: number
  readonly p99Micros: number
}

export interface Path {
  readonly name: string
  /** Resolves when the event is with its handler. */
  send(number: number): Promise<void>
  end?(): Promise<void>
}

/** From the call of `publish` to the handler, one event at a time, the paths in turn. */
export async function latenciesOf(paths: readonly Path[], events: number): Promise<readonly Latency[]> {
  const micros = paths.map((): number[] => [])
  for (let number = -events / 10; number < events; number++) {
    for (const [index, path] of paths.entries()) {
      const began = performance.now()
      await path.send(Math.abs(number))
      if (number >= 0) micros[index]?.push((performance.now() - began) * 1_000)
    }
  }
  for (const path of paths) await path.end?.()
  return paths.map(({ name }, index) => {
    const own = micros[index] as number[]
    return { name, p50Micros: quantile(own, 0.5), p99Micros: quantile(own, 0.99) }
  })
}

export async function pathOfBus(bus: EventBus, name = 'interline, publish to handler'): Promise<Path> {
  const arrivals = new Arrivals()
  await bus.subscribe(OrderCreated, ({ data }) => arrivals.arrived(data), { name: 'arrive' })
  await bus.start()
  return {
    name,
    async send(number) {
      arrivals.expect(1)
      const accepted = bus.publish(OrderCreated(order(number)))
      await arrivals.done
      await accepted
    },
    end: () => bus.close(),
  }
}
