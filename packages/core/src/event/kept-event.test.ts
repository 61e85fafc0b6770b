import { expect, test } from 'vitest'
import { defineEvent } from './define-event.js'
import { DomainEvent } from './domain-event.js'
import { toEnvelope } from './envelope.js'
import { keepEvent, keptEvent } from './kept-event.js'
import { staticSchema } from './standard-schema.js'

const defaults = { source: '' }
const throughJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

const Placed = defineEvent('KeptPlaced', { topic: 'kept.placed', version: 2, schema: staticSchema<{ id: string }>(), key: ({ id }) => id })

class Shipped extends DomainEvent {
  readonly eventType = 'KeptShipped'
  static readonly topic = 'kept.shipped'
  constructor(readonly orderId: string) {
    super()
  }
}

test.each([
  ['a value', Placed({ id: 'o-1' }, { userId: 'u-1' })],
  ['an instance', new Shipped('o-1')],
  ['a plain object', { type: 'KeptPlain', data: { a: [1, null, 'ü'] }, topic: 'kept.plain' }],
])('%s that was put away is published as the same event', async (_, event) => {
  const kept = throughJson(await keepEvent(event, defaults))
  const before = toEnvelope(event, defaults)
  const after = toEnvelope(keptEvent(kept), { source: 'shop' }, { key: kept.key })
  for (const name of ['topic', 'version', 'data', 'priority', 'key'] as const) expect(after[name]).toEqual(before[name])
  expect(after.model.type).toBe(before.model.type)
  expect(after.metadata.eventId).toBe(kept.metadata.eventId)
  expect(after.metadata.source).toBe('shop')
  expect(after.metadata.timestamp).toBeInstanceOf(Date)
})

test('what does not fit its schema, or cannot be JSON, is refused when it is put away', async () => {
  const endless: { self?: unknown } = {}
  endless.self = endless
  await expect(keepEvent({ type: 'KeptPlain', data: endless }, defaults)).rejects.toMatchObject({ code: 'INTERLINE_ENCODE' })
  await expect(keepEvent({ nothing: true }, defaults)).rejects.toMatchObject({ code: 'INTERLINE_INVALID_EVENT' })
})
