import { ConfigurationError, type DeadLetter } from '@interline/core'
import { describe, expect, it } from 'vitest'
import { message } from '../test/members.js'
import { MemoryDeadLetterStore } from './memory-dead-letter-store.js'

const letter = (id: string, more: Partial<DeadLetter> = {}): DeadLetter => ({
  id,
  group: 'shop',
  handler: 'mail',
  destination: 'orders',
  topic: 'orders.created',
  eventType: 'OrderCreated',
  eventId: `event-${id}`,
  correlationId: undefined,
  reason: 'exhausted',
  error: { name: 'Error', message: 'no' },
  attempts: 3,
  firstAttemptAt: 0,
  deadAt: 1_000,
  message: message(id),
  ...more,
})
const idsOf = (letters: readonly DeadLetter[]): string[] => letters.map(({ id }) => id)

describe('the dead letters of a process', () => {
  it('are listed oldest first, in pages that removals do not disturb', () => {
    const store = new MemoryDeadLetterStore()
    store.add(Array.from({ length: 250 }, (_, n) => letter(String(n))))
    const first = store.list()
    expect(first.letters).toHaveLength(100)
    store.remove(idsOf(first.letters))
    const second = store.list({}, { after: first.next })
    expect(idsOf(second.letters)).toEqual(Array.from({ length: 100 }, (_, n) => String(n + 100)))
    const third = store.list({}, { after: second.next, limit: 50 })
    expect(third.letters).toHaveLength(50)
    expect(third.next).toBeUndefined()
  })

  it('are filtered by each of their properties', () => {
    const store = new MemoryDeadLetterStore()
    store.add([
      letter('a', { group: 'other' }),
      letter('b', { handler: 'stock' }),
      letter('c', { topic: 'orders.paid', eventType: 'OrderPaid' }),
      letter('d', { correlationId: 'req-1' }),
      letter('e', { reason: 'invalid', deadAt: 2_000 }),
    ])
    const listed = (filter: Parameters<typeof store.list>[0]): string[] => idsOf(store.list(filter).letters)
    expect(listed({ group: 'other' })).toEqual(['a'])
    expect(listed({ handler: 'stock' })).toEqual(['b'])
    expect(listed({ topic: 'orders.paid' })).toEqual(['c'])
    expect(listed({ eventType: 'OrderPaid' })).toEqual(['c'])
    expect(listed({ correlationId: 'req-1' })).toEqual(['d'])
    expect(listed({ reason: 'invalid' })).toEqual(['e'])
    expect(listed({ since: new Date(1_001) })).toEqual(['e'])
    expect(listed({ until: new Date(2_000) })).toEqual(['a', 'b', 'c', 'd'])
    expect(listed({ ids: ['e', 'a', 'nobody'], group: 'shop' })).toEqual(['e'])
    expect(store.count({ group: 'shop' })).toBe(4)
  })

  it('replace one of the same id in its place, and count what is removed', () => {
    const store = new MemoryDeadLetterStore()
    store.add([letter('a'), letter('b')])
    store.add([letter('a', { attempts: 9 })])
    expect(store.list().letters.map(({ id, attempts }) => [id, attempts])).toEqual([
      ['a', 9],
      ['b', 3],
    ])
    expect(store.remove(['a', 'unknown'])).toBe(1)
    expect(store.count()).toBe(1)
  })

  it('refuse a page that is none', async () => {
    const store = new MemoryDeadLetterStore()
    await expect((async () => store.list({}, { after: 'nonsense' }))()).rejects.toThrow(ConfigurationError)
    await expect((async () => store.list({}, { limit: 0 }))()).rejects.toThrow(ConfigurationError)
  })
})
