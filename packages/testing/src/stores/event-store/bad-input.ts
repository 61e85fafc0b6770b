import assert from 'node:assert/strict'
import { type IEventStore, isInterlineError, StoredEvents } from '@interline/core'
import { storedMessage, storedMessages } from '../store-messages.js'
import { collect, type StoreCase, type StoreRoom } from '../store-suite.js'

type Room = StoreRoom<IEventStore>
/** What is wrong, the call, and what the error must name. */
type Refusal = readonly [what: string, call: () => unknown, names: RegExp]

async function refusesAll(store: IEventStore, refusals: readonly Refusal[]): Promise<void> {
  const head = await store.head()
  for (const [what, call, names] of refusals) {
    await assert.rejects(
      async () => call(),
      (error) => isInterlineError(error) && error.message.length > 20 && error.message.length < 400 && names.test(error.message),
      what,
    )
  }
  assert.deepEqual(await collect(store.readAll()), [], 'nothing was written')
  assert.equal(await store.head(), head)
}

async function badStreams(room: Room): Promise<void> {
  const store = await room.store()
  const one = storedMessages(1)
  await refusesAll(store, [
    ['an empty name', () => store.append('', one), /name/],
    ['a name that is no text', () => store.append({} as unknown as string, one), /name/],
    ['a name of 10 kB', () => store.append('x'.repeat(10_240), one), /longer/],
    ['a name with a line break', () => store.append('a\nb', one), /control character/],
    ['a name with a null character', () => store.append('a\0b', one), /control character/],
    ['a name with half a character', () => store.append('a\uD800', one), /half a character/],
    ['reading such a stream', () => collect(store.readStream('a\nb')), /control character/],
    ['deleting such a stream', () => store.deleteStream(''), /name/],
  ])
}

async function badEvents(room: Room): Promise<void> {
  const store = await room.store()
  const good = storedMessage(0)
  const { id: _id, ...withoutId } = good.attributes
  await refusesAll(store, [
    ['an event twice', () => store.append('s', [good, good]), /twice/],
    ['an event with an empty id', () => store.append('s', [storedMessage(0, { attributes: { id: '' } })]), /no id/],
    ['an event without an id', () => store.append('s', [{ ...good, attributes: withoutId }]), /no id/],
    ['one wrong event among good ones', () => store.append('s', [...storedMessages(3), { ...good, attributes: {} }]), /no id/],
    ['an attribute that is no text', () => store.append('s', [storedMessage(0, { attributes: { tenantid: 5 as never } })]), /tenantid/],
    ['an event for one group', () => store.append('s', [{ ...good, target: { group: 'mail', progress: '' } }]), /mail/],
  ])
}

async function badOptions(room: Room): Promise<void> {
  const store = await room.store()
  const one = storedMessages(1)
  const expecting = (expectedVersion: unknown): unknown => store.append('s', one, { expectedVersion: expectedVersion as 'any' })
  await refusesAll(store, [
    ['an expected version of NaN', () => expecting(Number.NaN), /expectedVersion is NaN/],
    ['an expected version of -1', () => expecting(-1), /expectedVersion is -1/],
    ['an expected version of 1.5', () => expecting(1.5), /expectedVersion is 1\.5/],
    ['an expected version in words', () => expecting('sometimes'), /expectedVersion is "sometimes"/],
    ['a limit of NaN', () => collect(store.readStream('s', { limit: Number.NaN })), /limit is NaN/],
    ['a negative limit', () => collect(store.readAll({ limit: -1 })), /limit is -1/],
    ['a version that is no number', () => collect(store.readStream('s', { from: '1' as never })), /from is "1"/],
    ['an invalid date', () => collect(store.readAll({ since: new Date(Number.NaN) })), /since/],
    ['types that are no list', () => collect(store.readAll({ types: 'A' as never })), /types/],
    ['a position of no store', () => collect(store.readAll({ after: `'; DROP TABLE events; --` })), /position/],
  ])
}

async function badData(room: Room): Promise<void> {
  const store = await room.store()
  const events = new StoredEvents(store)
  const cycle: Record<string, unknown> = {}
  cycle.self = cycle
  await refusesAll(store, [
    ['a cycle', () => events.saveEvents('s', [{ type: 'A', data: cycle }]), /event 0 is wrong/],
    ['NaN', () => events.saveEvents('s', [{ type: 'A', data: { amount: Number.NaN } }]), /event 0 is wrong/],
    ['a field __proto__', () => events.saveEvents('s', [{ type: 'A', data: JSON.parse('{"__proto__":{"admin":true}}') }]), /__proto__/],
    ['no event at all', () => events.saveEvents('s', [{ type: 'A' }, 7 as never]), /event 1 is wrong/],
  ])
}

async function hostileNames(room: Room): Promise<void> {
  const store = await room.store()
  const names = ['__proto__', 'constructor', '../../etc/passwd', '*', '{a}:b', '{other}:key', `'; DROP TABLE events; --`]
  const hostile = [...names, '"; DROP TABLE events; --', 'a:b:c', ' ', '%00', 'a b:c%d*?[x]', '世界🎉', '🦊']
  for (const [n, name] of hostile.entries())
    await store.append(name, [storedMessage(n, { data: `{"__proto__":{"polluted":true},"n":${n}}` })])
  for (const [n, name] of hostile.entries()) {
    const recorded = await collect(store.readStream(name))
    assert.deepEqual(
      recorded.map(({ message: { data }, stream }) => ({ data, stream })),
      [{ data: `{"__proto__":{"polluted":true},"n":${n}}`, stream: name }],
      `the stream named ${JSON.stringify(name)}`,
    )
  }
  assert.deepEqual(
    (await collect(store.readAll())).map(({ stream }) => stream),
    hostile,
  )
  for (const name of hostile) assert.equal(await store.deleteStream(name), true, `deleting the stream named ${JSON.stringify(name)}`)
  assert.equal(({} as { readonly polluted?: unknown }).polluted, undefined)
}

export const badInputCases: readonly StoreCase<IEventStore>[] = [
  { id: 'S15', title: 'streams that can have no such name are refused, clearly, and nothing is written', run: badStreams },
  { id: 'S15', title: 'wrong events are refused, clearly, and nothing is written', run: badEvents },
  { id: 'S15', title: 'wrong options are refused, clearly, and nothing is written', run: badOptions },
  { id: 'S15', title: 'data that no event can carry is refused, clearly, and nothing is written', run: badData },
  { id: 'S15', title: 'hostile names of streams and hostile data are kept as they are', run: hostileNames },
]
