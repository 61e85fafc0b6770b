import { InterlineError } from '@interline/core'
import { afterAll, expect, test } from 'vitest'
import { all, message, messages, testStore } from './stores.js'

const room = testStore()
const { store } = room
afterAll(() => room[Symbol.asyncDispose]())

const { id: _id, ...withoutId } = message().attributes

test.each<[string, () => unknown, string]>([
  ['an empty stream name', () => store.append('', messages(1)), 'A stream needs a name'],
  ['a stream name that is no text', () => store.append({} as never, messages(1)), 'A stream needs a name'],
  ['a stream name of 10 kB', () => store.append('x'.repeat(10_000), messages(1)), 'longer than 1024 bytes'],
  ['a stream name with a null character', () => store.append('a\0b', messages(1)), 'control character'],
  ['a stream name with half a character', () => store.append('a\uD800', messages(1)), 'half a character'],
  ['reading such a stream', () => all(store.readStream('a\nb')), 'control character'],
  ['deleting such a stream', () => store.deleteStream(''), 'A stream needs a name'],
  ['an event without an id', () => store.append('s', [{ ...message(), attributes: withoutId }]), 'no id'],
  ['an attribute that is no text', () => store.append('s', [message({}, { tenantid: 5 as never })]), 'must be text'],
  ['the same event twice', () => store.append('s', Array(2).fill(message({}, { id: 'e-1' }))), 'is twice among'],
  [
    'an event for one group',
    () => store.append('s', [{ ...message(), target: { group: 'mail', progress: '' } }]),
    'the group "mail" alone',
  ],
  ['an event by reference', () => store.append('s', [{ ...message(), data: { reference: {} } }]), 'by reference'],
  ['an event of 17 MB', () => store.append('s', [message({ text: 'x'.repeat(17 * 1024 * 1024) })]), '16777216'],
  ['one wrong event among good ones', () => store.append('s', [...messages(3), { ...message(), attributes: {} }]), 'no id'],
  ['20,000 events at once', () => store.append('s', messages(20_000)), 'Append them in parts'],
  ['an id with a null character', () => store.append('s', [message({}, { id: 'a\0b' })]), 'null character'],
  ['a type that no index can hold', () => store.append('s', [message({}, { type: 'x'.repeat(3_000) })]), 'longer than 2000 bytes'],
  ['an expected version of NaN', () => store.append('s', messages(1), { expectedVersion: Number.NaN }), 'expectedVersion is NaN'],
  ['an expected version of -1', () => store.append('s', messages(1), { expectedVersion: -1 }), 'expectedVersion is -1'],
  ['an expected version in words', () => store.append('s', messages(1), { expectedVersion: 'new' as never }), 'expectedVersion is "new"'],
  ['a limit of NaN', () => all(store.readStream('s', { limit: Number.NaN })), 'limit is NaN'],
  ['a version that is no number', () => all(store.readStream('s', { from: '1' as never })), 'from is "1"'],
  ['a date that is none', () => all(store.readAll({ since: new Date('never') })), 'give a valid Date'],
  ['types that are no list', () => all(store.readAll({ types: 'A' as never })), 'give a list of event types'],
  ['a cycle', () => store.saveEvents('s', [cyclic()]), 'event 0 is wrong'],
  ['NaN in data', () => store.saveEvents('s', [{ type: 'A', data: { amount: Number.NaN } }]), 'event 0 is wrong'],
  ['a field __proto__', () => store.saveEvents('s', [{ type: 'A', data: JSON.parse('{"__proto__":{"admin":true}}') }]), '__proto__'],
  ['no event at all', () => store.saveEvents('s', [{ type: 'A' }, 7 as never]), 'event 1 is wrong'],
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

test.each(['{other}:key', '../../etc', '"; DROP TABLE events; --', '__proto__', 'a b:c%d*?[x]', '世界🎉'])(
  'takes the stream name %s as it is',
  async (stream) => {
    await using own = testStore()
    await own.store.append(stream, messages(2))
    expect((await all(own.store.readAll())).map((event) => event.stream)).toEqual([stream, stream])
    expect((await all(own.store.readStream(stream))).length).toBe(2)
    expect(await own.store.deleteStream(stream)).toBe(true)
  },
)

function cyclic(): object {
  const data: Record<string, unknown> = {}
  data.self = data
  return { type: 'A', data }
}

test('text that PostgreSQL can not hold comes back as it was', async () => {
  await using own = testStore()
  const odd = ['a\0b', 'half \uD800 of a character', '"\\u0000"', '{"a":"\\\\"}', 'NULL', '{}', '']
  await own.store.append(
    's',
    odd.map((data) => ({ ...message(), data })),
  )
  expect((await all(own.store.readStream('s'))).map((event) => event.message.data)).toEqual(odd)
})
