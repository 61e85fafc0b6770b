import { expect, test } from 'vitest'
import { ReadPositions } from './read-positions.js'
import type { TakenEntry } from './taken-entry.js'

function entries(partition: number, ...ids: number[]): TakenEntry[] {
  return ids.map((id) => ({ partition, id: String(id) }) as TakenEntry)
}

test('goes on where every transaction that may have added below has ended, and was looked for since', () => {
  const positions = new ReadPositions()
  const batch = entries(1, 5, 6)
  positions.took([1], batch, '100:101:100')
  expect([...positions.hand]).toEqual(['5', '6'])
  const put = positions.putting(batch)
  // 102 began before 103 put the batch away, and may have added 4.
  positions.took([1], entries(1, 7), '100:103:100,102')
  put(103)
  expect([...positions.hand]).toEqual(['7'])
  positions.took([1], entries(1, 8), '102:104:102')
  expect(positions.from(1)).toBe(0)
  positions.took([1], entries(1, 9), '104:105:')
  expect(positions.from(1)).toBe(6)
})

test('goes no further than a take has looked, and not at all in partitions that it did not come to', () => {
  const positions = new ReadPositions()
  const first = [...entries(1, 5, 9), ...entries(2, 6)]
  positions.took([1, 2], first, '100:100:')
  positions.putting(first)(100)
  // Something came late, and the batch was full with it.
  positions.took([1, 2], entries(1, 7), '101:101:')
  expect([positions.from(1), positions.from(2)]).toEqual([7, 0])
  positions.took([2, 1], [...entries(2, 12), ...entries(1, 13)], '101:101:')
  expect([positions.from(1), positions.from(2)]).toEqual([9, 6])
})

test('where a take has come to the end of a partition, nothing is there up to the newest number of all', () => {
  const positions = new ReadPositions()
  const batch = [...entries(1, 5), ...entries(2, 90)]
  positions.took([1, 2, 3], batch, '100:100:')
  positions.putting(batch)(100)
  positions.took([3, 1, 2], [], '')
  const second = entries(3, 95)
  positions.took([3, 1, 2], second, '101:101:')
  expect([positions.from(1), positions.from(2), positions.from(3)]).toEqual([0, 0, 0])
  positions.putting(second)(101)
  positions.took([1, 2, 3], entries(3, 97), '102:102:')
  expect([positions.from(1), positions.from(2), positions.from(3)]).toEqual([90, 90, 90])
})

test('a transaction that stays open and had added nothing holds up only what was taken after that was seen', () => {
  const positions = new ReadPositions()
  const first = entries(1, 5)
  positions.took([1], first, '90:101:90')
  positions.putting(first)(102)
  const second = entries(1, 6)
  positions.took([1], second, '90:103:90')
  expect(positions.heldUpBy).toEqual([90])
  positions.asking()([90])
  positions.putting(second)(104)
  positions.took([1], entries(1, 7), '90:105:90')
  expect(positions.from(1)).toBe(5)
  expect(positions.heldUpBy).toEqual([90])
})
