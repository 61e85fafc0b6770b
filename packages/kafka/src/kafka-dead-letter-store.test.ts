import type { BrokerEvent, DeadLetter } from '@interline/core'
import { expect, test } from 'vitest'
import type { BrokerContext } from './context.js'
import type { Fetched, IncomingRecord, KafkaClient } from './drivers/driver.js'
import { KafkaDeadLetterStore, letterRecords } from './kafka-dead-letter-store.js'

const topic = 'letters'

function letter(id: string): DeadLetter {
  const facts = { id, group: 'g', handler: 'h', destination: 'orders', topic: 'orders.placed', eventType: 'T', eventId: id }
  const attributes = { id, type: 'T', source: 's', specversion: '1.0' } as const
  const message = { destination: 'orders', topic: 'orders.placed', key: undefined, attributes, data: '{}' }
  const error = { name: 'Error', message: 'no' }
  return {
    ...facts,
    correlationId: undefined,
    reason: 'exhausted',
    error,
    attempts: 3,
    firstAttemptAt: 1,
    deadAt: 2,
    message,
  } as DeadLetter
}

/** The topic's records, one to a fetch. Under a quota there is an answer before each that holds none. */
class Topic {
  readonly told: BrokerEvent[] = []
  readonly store: KafkaDeadLetterStore
  readonly #records: IncomingRecord[] = []
  readonly #hasQuota: boolean
  #fetches = 0

  constructor(settings: { readonly hasQuota: boolean } = { hasQuota: false }) {
    this.#hasQuota = settings.hasQuota
    const client: Partial<KafkaClient> = {
      offsets: async (_topic, at) => new Map([[0, at === 'latest' ? this.#records.length : 0]]),
      leaders: async (positions) => new Map([['node', positions]]),
      fetch: async (_node, [position]) => this.#fetch(position?.offset ?? 0),
    }
    const report = (event: BrokerEvent): void => void this.told.push(event)
    const context = { control: client, topics: { knows: () => true, forget: () => undefined }, report } as unknown as BrokerContext
    this.store = new KafkaDeadLetterStore(topic, () => context)
  }

  add(id: string, headers?: IncomingRecord['headers']): void {
    const [record] = letterRecords(topic, [letter(id)])
    const encoded = Object.entries(record?.headers ?? {}).map(([name, value]) => [name, Buffer.from(value)])
    const value = Buffer.from(record?.value ?? '')
    const offset = this.#records.length
    this.#records.push({ offset, key: Buffer.from(id), value, headers: { ...Object.fromEntries(encoded), ...headers } })
  }

  #fetch(offset: number): readonly Fetched[] {
    const record = this.#records[offset]
    if (record === undefined || (this.#hasQuota && this.#fetches++ % 2 === 0)) return []
    return [{ topic, partition: 0, records: [record], next: offset + 1 }]
  }
}

async function ids({ store }: Topic): Promise<readonly string[]> {
  return (await store.list()).letters.map(({ id }) => id)
}

test('an answer that holds nothing, as under a quota, is not taken for the end of the letters', async () => {
  const letters = new Topic({ hasQuota: true })
  letters.add('a')
  letters.add('b')
  expect(await ids(letters)).toEqual(['a', 'b'])
})

test.each(['{', 'null', '{"id":"bad"}', '[]'])(
  'what somebody else wrote there, such as %s, hides no letter, and is told once',
  async (facts) => {
    const letters = new Topic()
    letters.add('a')
    letters.add('bad', { 'interline-letter': Buffer.from(facts) })
    letters.add('b')
    expect(await ids(letters)).toEqual(['a', 'b'])
    expect(await letters.store.count()).toBe(2)
    expect(letters.told).toMatchObject([{ kind: 'warning', detail: expect.stringContaining('offset 1 of "letters"') }])
  },
)
