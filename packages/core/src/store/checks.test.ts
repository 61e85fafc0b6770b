import { describe, expect, test } from 'vitest'
import { InterlineError } from '../errors.js'
import type { WireMessage } from '../ports/message.js'
import { checkAppend, checkReadAll, checkReadStream } from './checks.js'

const attributes = { specversion: '1.0', id: 'e-1', source: 'shop', type: 'OrderCreated' }
const message: WireMessage = { destination: 'orders', topic: 'orders.created', key: undefined, attributes, data: '{}' }

describe('what no store takes', () => {
  test.each<[string, () => void, string]>([
    ['an empty stream name', () => checkAppend('', [message]), 'A stream needs a name'],
    ['a stream name that is no text', () => checkAppend({} as never, [message]), 'A stream needs a name'],
    ['a stream name of 10 kB', () => checkAppend('x'.repeat(10_000), [message]), 'longer than 1024 bytes'],
    ['a stream name of 10 kB in few characters', () => checkAppend('世'.repeat(400), [message]), 'longer than 1024 bytes'],
    ['a stream name with a null character', () => checkReadStream('a\0b'), 'control character'],
    ['a stream name with half a character', () => checkReadStream('a\uD800'), 'half a character'],
    ['an event without attributes', () => checkAppend('s', [{ ...message, attributes: {} }]), 'no id, type or source'],
    [
      'an attribute that is no text',
      () => checkAppend('s', [{ ...message, attributes: { ...attributes, n: 5 as never } }]),
      'must be text',
    ],
    ['the same event twice', () => checkAppend('s', [message, message]), 'is twice among'],
    ['an event for one group', () => checkAppend('s', [{ ...message, target: { group: 'mail', progress: '' } }]), 'the group "mail" alone'],
    ['an expected version of NaN', () => checkAppend('s', [message], { expectedVersion: Number.NaN }), 'expectedVersion is NaN'],
    ['an expected version in words', () => checkAppend('s', [], { expectedVersion: 'new' as never }), 'expectedVersion is "new"'],
    ['a version that is no number', () => checkReadStream('s', { from: '1' as never }), 'from is "1"; give a whole number from 0'],
    ['a date that is none', () => checkReadAll({ since: new Date('never') }), 'give a valid Date'],
    ['types that are no list', () => checkReadAll({ types: 'A' as never }), 'give a list of event types'],
  ])('is %s, and the error says so', (_what, call, words) => {
    expect(call).toThrow(InterlineError)
    expect(call).toThrow(words)
  })
})
