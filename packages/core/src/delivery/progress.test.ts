import { expect, test } from 'vitest'
import { DecodeError } from '../errors.js'
import { decodeProgress, encodeProgress } from './progress.js'

test('what is written is read again, whatever handlers are called', () => {
  const handlers = new Map([
    ['order-mail', { started: 2, dueAt: 1_700_000_000_123 }],
    ['with "quotes" and ünïcode', { started: 0, dueAt: 0 }],
    ['__proto__', { started: 1, dueAt: 5 }],
  ])
  const progress = { firstAttemptAt: 1_700_000_000_000, handlers }
  expect(decodeProgress(encodeProgress(progress))).toEqual(progress)
})

test.each([
  '',
  'null',
  '[]',
  '{}',
  '{"first":1}',
  '{"first":1,"handlers":{"a":[1]}}',
  '{"first":1,"handlers":{"a":["1",0]}}',
  '{"first":"x","handlers":{}}',
])('text of another shape is refused: %s', (text) => expect(() => decodeProgress(text)).toThrow(DecodeError))
