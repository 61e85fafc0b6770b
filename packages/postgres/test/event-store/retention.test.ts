import { waitFor } from '@interline/testing'
import { expect, test } from 'vitest'
import { all, messages, testStore } from './stores.js'

test('maxEvents gives up the oldest events over all streams, and says so', async () => {
  await using room = testStore({ retention: { maxEvents: 2_500 } })
  const { store } = room
  for (let part = 0; part < 5; part++) {
    await store.append('a', messages(500, { correlationid: 'c' }))
    await store.append('b', messages(500, { correlationid: 'c' }))
  }
  expect(await store.applyRetention()).toEqual({ events: 2_500, streams: 2 })
  expect(room.warnings).toEqual([expect.stringContaining('removed its 2500 oldest events')])
  expect((await all(store.readAll({ correlationId: 'c' }))).map(({ position }) => Number(position))).toEqual(
    Array.from({ length: 2_500 }, (_, index) => 2_501 + index),
  )
  expect((await all(store.readStream('a')))[0]?.version).toBe(1_501)
  expect(await store.applyRetention()).toEqual({ events: 0, streams: 0 })
  await expect(store.append('a', messages(1), { expectedVersion: 0 })).rejects.toMatchObject({ actual: 2_500 })
})

test('an age gives up older events, by itself', async () => {
  const removed: number[] = []
  const retention = { maxAgeMs: 300, intervalMs: 20, onRemoved: ({ events }: { events: number }) => void removed.push(events) }
  await using room = testStore({ retention })
  await room.store.append('s', messages(3))
  await waitFor(() => removed.reduce((sum, events) => sum + events, 0) === 3, { what: 'the events to go' })
  expect(await all(room.store.readAll())).toEqual([])
  expect((await room.store.append('s', messages(1), { expectedVersion: 3 })).version).toBe(4)
})

test('waits for the slowest reader with a checkpoint, and names it', async () => {
  await using room = testStore({ retention: { maxEvents: 2 } })
  const { store } = room
  await store.append('s', messages(10))
  await store.checkpoints.save('fast', '9', undefined)
  await store.checkpoints.save('slow', '4', undefined)
  expect(await store.applyRetention()).toEqual({ events: 4, streams: 1 })
  expect(await store.health()).toMatchObject({ status: 'warn', output: expect.stringContaining('"slow"') })
  expect((await all(store.readAll({ after: '4' }))).length).toBe(6)
  await store.checkpoints.save('slow', '10', '4')
  expect(await store.applyRetention()).toEqual({ events: 4, streams: 1 })
  expect(await store.health()).toMatchObject({ status: 'pass' })
})

test('a deleted stream leaves nothing behind but its version and its record in the order of all', async () => {
  await using room = testStore()
  const { store } = room
  await store.append('s', messages(250))
  expect(await store.applyRetention()).toEqual({ events: 0, streams: 0 })
  await store.deleteStream('s')
  expect(await room.sql(`SELECT count(*)::int AS count FROM "${room.schema}".interline_events`)).toEqual([{ count: 1 }])
  expect((await store.append('s', messages(2), { expectedVersion: 0 })).version).toBe(2)
  await store.deleteStream('s')
  expect((await all(store.readAll())).map(({ version, forward }) => [version, forward])).toEqual([
    [250, false],
    [2, false],
  ])
})
