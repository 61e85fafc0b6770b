import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { type BrokerChoice, type BrokerName, brokerChoice } from '../../src/places/choices.js'
import { Leftovers } from '../../src/places/leftovers/leftovers.js'

export const fixtures = join(import.meta.dirname, '../fixtures/seed-002')

/** What a snippet exports. By a computed name: the snippets have a compiler's configuration of their own. */
export const snippet = <Exports>(name: string): Promise<Exports> => import(`../fixtures/seed-002/${name}.ts`) as Promise<Exports>

/** An event as the document shapes it. */
export interface DocumentEvent {
  readonly id: string
  readonly type: string
  readonly timestamp: Date
  readonly version: number
  readonly metadata: {
    readonly correlationId: string
    readonly causationId?: string
    readonly userId?: string
    readonly source: string
    readonly environment: string
  }
}

export interface PointsEarned extends DocumentEvent {
  readonly aggregateId: string
  readonly aggregateType: string
  readonly data: { readonly points: number }
}

const base = (type: string): DocumentEvent => ({
  id: randomUUID(),
  type,
  timestamp: new Date('2026-01-02T03:04:05.678Z'),
  version: 1,
  metadata: { correlationId: 'request-1', causationId: 'command-1', userId: 'ada', source: 'superapp', environment: 'test' },
})

export const pointsEarned = (aggregateId: string, points = 5): PointsEarned => ({
  ...base('events.PointsEarned'),
  aggregateId,
  aggregateType: 'player',
  data: { points },
})
export const orderShipped = { ...base('events.OrderShipped'), service: 'shop', action: 'shipped', payload: { orderId: 'o-1' } }
export const diskFull = { ...base('events.DiskFull'), level: 'critical', component: 'disk', message: 'It is full.', details: { free: 0 } }

/** What a test has to clean up, last things first. */
export class Cleanings {
  readonly #steps: (() => Promise<unknown>)[] = []

  add(step: () => Promise<unknown>): void {
    this.#steps.push(step)
  }

  /** A place of the test's own on a broker. */
  placeOn(broker: BrokerName, redisUrl: string): BrokerChoice {
    const choice = brokerChoice(broker)
    const place = choice.type === 'redis' ? { ...choice, redis: { ...choice.redis, url: redisUrl } } : choice
    this.add(async () => {
      const problems: string[] = []
      const leftovers = new Leftovers([place], (problem) => problems.push(problem))
      leftovers.mayExist()
      await leftovers[Symbol.asyncDispose]()
      if (problems.length > 0) throw new Error(problems.join('\n'))
    })
    return place
  }

  async run(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) await step()
  }
}
