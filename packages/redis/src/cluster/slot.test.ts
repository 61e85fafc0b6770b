import { expect, it } from 'vitest'
import { slotOf } from './slot.js'

// what CLUSTER KEYSLOT of Redis 7.0 answers
it.each([
  ['123456789', 12_739],
  ['foo', 12_182],
  ['{user1000}.following', 3_443],
  ['user1000', 3_443],
  ['foo{}{bar}', 8_363],
  ['{żółw:0}:events', slotOf('żółw:0')],
  ['', 0],
])('finds the slot of %j', (key, slot) => {
  expect(slotOf(key)).toBe(slot)
})
