import { expect, test } from 'vitest'
import { divide } from './division.js'

const claim = (id: string, owned: readonly number[] = [], leaving = false) => ({ id, owned, leaving })

test('newcomers share what nobody owns', () => {
  const parts = divide([claim('a'), claim('b'), claim('c')], 8)
  expect(parts.map(({ partitions }) => partitions.length).sort()).toEqual([2, 3, 3])
  expect(parts.flatMap(({ partitions }) => partitions).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect(parts.flatMap(({ surplus }) => surplus)).toEqual([])
})

test('an owner keeps its surplus until it has given it up', () => {
  const [first, second] = divide([claim('a', [0, 1, 2, 3]), claim('b')], 4)
  expect(first).toEqual({ id: 'a', partitions: [0, 1, 2, 3], surplus: [2, 3] })
  expect(second?.partitions).toEqual([])
  const [after, newcomer] = divide([claim('a', [0, 1]), claim('b')], 4)
  expect(after).toEqual({ id: 'a', partitions: [0, 1], surplus: [] })
  expect(newcomer?.partitions).toEqual([2, 3])
})

test('one that leaves gets nothing new, and gives up nothing that it is busy with', () => {
  const [leaving, staying] = divide([claim('a', [3], true), claim('b', [0])], 4)
  expect(leaving).toEqual({ id: 'a', partitions: [3], surplus: [] })
  expect(staying).toEqual({ id: 'b', partitions: [0, 1, 2], surplus: [] })
})

test('a partition that two claim goes to the first, and one beyond the topic to nobody', () => {
  const [first, second] = divide([claim('a', [0, 9]), claim('b', [0, 1])], 2)
  expect(first?.partitions).toEqual([0])
  expect(second?.partitions).toEqual([1])
})
