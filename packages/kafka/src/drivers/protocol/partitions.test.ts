import { createRequire } from 'node:module'
import { murmur2 as ofPlatformatic } from '@platformatic/kafka'
import { expect, test } from 'vitest'
import type { OutgoingRecord } from '../driver.js'
import { murmur2, Partitioner } from './partitions.js'

const ofKafkaJs = createRequire(import.meta.url)('kafkajs/src/producer/partitioners/default/murmur2.js') as (key: Buffer) => number

const record = (more: Partial<OutgoingRecord>): OutgoingRecord => ({ topic: 'orders', key: null, value: '', headers: {}, ...more })
const led = (...leaders: number[]): { partitionId: number; leader: number }[] =>
  leaders.map((leader, partitionId) => ({ partitionId, leader }))

test('a key lies where kafkajs and platformatic put it, whatever its length and bytes', () => {
  const keys = ['', 'a', 'ab', 'abc', 'abcd', 'abcde', 'order-17', 'żółw 🐢', 'x'.repeat(1_001)].map((text) => Buffer.from(text))
  const bytes = Array.from({ length: 9 }, (_, length) => Buffer.alloc(length, 0xff))
  const random = Array.from({ length: 500 }, (_, n) => Buffer.from(`${n * 7919}-${'k'.repeat(n % 13)}`))
  for (const key of [...keys, ...bytes, ...random]) {
    expect(murmur2(key), key.toString('hex')).toBe(ofKafkaJs(key))
    expect(murmur2(key), key.toString('hex')).toBe(ofPlatformatic(key))
  }
})

test('a text and its bytes are the same key', () => {
  const partitioner = new Partitioner()
  const partitions = led(1, 1, 1, 1, 1, 1, 1)
  for (const key of ['one', 'żółw', '']) {
    expect(partitioner.partitionOf(record({ key }), partitions)).toBe(
      partitioner.partitionOf(record({ key: Buffer.from(key) }), partitions),
    )
  }
})

test('records without a key take the partitions in turn, and those without a leader only where there is no other', () => {
  const partitioner = new Partitioner()
  const taken = (leaders: number[]): number[] =>
    [...new Set(leaders.map(() => partitioner.partitionOf(record({}), led(...leaders))))].sort((left, right) => left - right)
  expect(taken([1, 2, 3])).toEqual([0, 1, 2])
  expect(taken([1, -1, 3])).toEqual([0, 2])
  expect(taken([-1, -1])).toEqual([0, 1])
})
