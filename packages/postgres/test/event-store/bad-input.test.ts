import { InterlineError } from '@interline/core'
import { afterAll, expect, test } from 'vitest'
import { all, message, messages, testStore } from './stores.js'

const room = testStore()
const { store } = room
afterAll(() => room[Symbol.asyncDispose]())

test.each<[string, () => unknown, string]>([
  ['an event by reference', () => store.append('s', [{ ...message(), data: { reference: {} } }]), 'by reference'],
  ['an event of 17 MB', () => store.append('s', [message({ text: 'x'.repeat(17 * 1024 * 1024) })]), '16777216'],
  ['one wrong event among good ones', () => store.append('s', [...messages(3), { ...message(), attributes: {} }]), 'no id'],
  ['20,000 events at once', () => store.append('s', messages(20_000)), 'Append them in parts'],
  ['an id with a null character', () => store.append('s', [message({}, { id: 'a\0b' })]), 'null character'],
  ['a type that no index can hold', () => store.append('s', [message({}, { type: 'x'.repeat(3_000) })]), 'longer than 2000 bytes'],
])('refuses %s, clearly, and writes nothing', async (_what, call, words) => {
  const error = await (async () => call())().catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(InterlineError)
  expect((error as Error).message).toContain(words)
  expect((error as Error).message.length).toBeLessThan(400)
  await store.connect()
  const counts = await room.sql(`SELECT (SELECT count(*) FROM "${room.schema}".interline_events)::int AS events,
    (SELECT count(*) FROM "${room.schema}".interline_events_streams)::int AS streams`)
  expect(counts).toEqual([{ events: 0, streams: 0 }])
})

test('text that PostgreSQL can not hold comes back as it was', async () => {
  await using own = testStore()
  const odd = ['a\0b', 'half \uD800 of a character', '"\\u0000"', '{"a":"\\\\"}', 'NULL', '{}', '']
  await own.store.append(
    's',
    odd.map((data) => ({ ...message(), data })),
  )
  expect((await all(own.store.readStream('s'))).map((event) => event.message.data)).toEqual(odd)
})
