import { ConfigurationError, type RecordedEvent, streamDeletedType, type WireMessage, WrongExpectedVersionError } from '@interline/core'
import { VirtualClock } from '@interline/testing'
import { describe, expect, it } from 'vitest'
import { message } from '../test/members.js'
import { MemoryEventStore } from './memory-event-store.js'

const event = (id: string | number, attributes: Record<string, string> = {}, more: Partial<WireMessage> = {}): WireMessage =>
  message(id, { attributes: { specversion: '1.0', id: String(id), source: 'test', type: 'Thing', ...attributes }, ...more })
const events = (from: number, to: number): WireMessage[] => Array.from({ length: to - from + 1 }, (_, index) => event(from + index))

async function all(recorded: AsyncIterable<RecordedEvent>): Promise<RecordedEvent[]> {
  const list: RecordedEvent[] = []
  for await (const each of recorded) list.push(each)
  return list
}
const ids = async (recorded: AsyncIterable<RecordedEvent>): Promise<(string | undefined)[]> =>
  (await all(recorded)).map((each) => each.message.attributes.id)

describe('the streams of a memory event store', () => {
  it('give back what was appended, with version, position and time', async () => {
    const clock = new VirtualClock()
    const store = new MemoryEventStore({ clock })
    const bytes = new Uint8Array([1, 2, 3])
    expect(await store.append('a', [event(1), event(2, {}, { data: bytes })])).toEqual({ version: 2, position: '2' })
    bytes[0] = 9
    const [first, second] = await all(store.readStream('a'))
    expect(first).toEqual({ stream: 'a', version: 1, position: '1', recordedAt: clock.now(), forward: true, message: event(1) })
    expect(second!.message.data).toEqual(new Uint8Array([1, 2, 3]))
    expect(await all(store.readStream('unknown'))).toEqual([])
  })

  it('are read from and to a version, backwards, and up to a limit', async () => {
    const store = new MemoryEventStore()
    await store.append('a', events(1, 10))
    expect(await ids(store.readStream('a', { from: 4, to: 6 }))).toEqual(['4', '5', '6'])
    expect(await ids(store.readStream('a', { from: 9, backwards: true }))).toEqual(['10', '9'])
    expect(await ids(store.readStream('a', { to: 5, backwards: true, limit: 2 }))).toEqual(['5', '4'])
    expect(await ids(store.readStream('a', { from: 11 }))).toEqual([])
    expect(await ids(store.readStream('a', { limit: 0 }))).toEqual([])
    await expect(all(store.readStream('a', { from: Number.NaN }))).rejects.toThrow(ConfigurationError)
  })

  it('end a reader when its signal does', async () => {
    const store = new MemoryEventStore()
    await store.append('a', events(1, 3))
    const controller = new AbortController()
    const seen: number[] = []
    const reading = (async () => {
      for await (const { version } of store.readStream('a', { signal: controller.signal })) {
        seen.push(version)
        controller.abort(new Error('enough'))
      }
    })()
    await expect(reading).rejects.toThrow('enough')
    expect(seen).toEqual([1])
  })

  it('hold to every kind of expected version, and append nothing on a conflict', async () => {
    const store = new MemoryEventStore()
    await expect(store.append('a', [event(0)], { expectedVersion: 'stream-exists' })).rejects.toThrow(WrongExpectedVersionError)
    await store.append('a', [event(1)], { expectedVersion: 'no-stream' })
    await store.append('a', [event(2)], { expectedVersion: 1 })
    await store.append('a', [event(3)], { expectedVersion: 'stream-exists' })
    await store.append('a', [event(4)])
    await expect(store.append('a', [event(5)], { expectedVersion: 'no-stream' })).rejects.toThrow(WrongExpectedVersionError)
    await expect(store.append('a', [event(5)], { expectedVersion: 2 })).rejects.toMatchObject({ stream: 'a', expected: 2, actual: 4 })
    await expect(store.append('a', [event(5)], { expectedVersion: 1.5 })).rejects.toThrow(ConfigurationError)
    expect(await ids(store.readStream('a'))).toEqual(['1', '2', '3', '4'])
  })

  it('give the first result for the same events again, and a conflict for others', async () => {
    const store = new MemoryEventStore()
    const first = await store.append('a', events(1, 3), { expectedVersion: 0 })
    await store.append('a', events(4, 5))
    expect(await store.append('a', events(1, 3), { expectedVersion: 0 })).toEqual(first)
    expect(await store.append('a', events(1, 3), { expectedVersion: 'no-stream' })).toEqual(first)
    expect(await store.append('a', events(1, 3))).toEqual(first)
    await expect(store.append('a', events(2, 3), { expectedVersion: 0 })).rejects.toThrow(WrongExpectedVersionError)
    await expect(store.append('a', [event(1), event(9)], { expectedVersion: 0 })).rejects.toThrow(WrongExpectedVersionError)
    expect(await ids(store.readAll())).toEqual(['1', '2', '3', '4', '5'])
  })

  it('keep versions 1 to n for many writers that retry on conflict', async () => {
    const store = new MemoryEventStore()
    const write = async (writer: number): Promise<void> => {
      for (let n = 0; n < 25; ) {
        const version = (await all(store.readStream('a', { backwards: true, limit: 1 })))[0]?.version ?? 0
        try {
          await store.append('a', [event(`${writer}-${n}`)], { expectedVersion: version })
          n++
        } catch (error) {
          expect(error).toBeInstanceOf(WrongExpectedVersionError)
        }
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)))
    const recorded = await all(store.readStream('a'))
    expect(recorded.map(({ version }) => version)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1))
    expect(new Set(recorded.map((each) => each.message.attributes.id)).size).toBe(200)
  })

  it('leave a tombstone when deleted, and do not use a version twice unless asked', async () => {
    const store = new MemoryEventStore()
    await store.append('a', events(1, 2))
    await store.append('b', [event('b')])
    expect(await store.deleteStream('unknown')).toBe(false)
    await expect(store.deleteStream('a', { expectedVersion: 1 })).rejects.toThrow(WrongExpectedVersionError)
    expect(await store.deleteStream('a', { expectedVersion: 2 })).toBe(true)
    expect(await store.deleteStream('a')).toBe(false)
    expect(await all(store.readStream('a'))).toEqual([])
    const [b, gone] = await all(store.readAll())
    expect(b!.stream).toBe('b')
    expect(gone).toMatchObject({
      stream: 'a',
      version: 2,
      position: '4',
      forward: false,
      message: { attributes: { type: streamDeletedType } },
    })
    await expect(store.append('a', [event(3)], { expectedVersion: 'stream-exists' })).rejects.toThrow(WrongExpectedVersionError)
    expect((await store.append('a', [event(3)], { expectedVersion: 'no-stream' })).version).toBe(3)
    await store.deleteStream('a')
    expect((await store.append('a', [event(4)], { expectedVersion: 0 })).version).toBe(1)
    expect(await ids(store.readStream('a'))).toEqual(['4'])
  })

  it('can have any sensible name, and refuse others', async () => {
    const store = new MemoryEventStore()
    await store.append('__proto__', [event(1)])
    expect(await ids(store.readStream('__proto__'))).toEqual(['1'])
    for (const name of ['', 'x'.repeat(10_000), 'a\u0000b']) await expect(store.append(name, [event(2)])).rejects.toThrow(/name/)
    expect(await ids(store.readAll())).toEqual(['1'])
  })
})

describe('all events of a memory event store', () => {
  it('come in one order that agrees with each stream, after a position', async () => {
    const store = new MemoryEventStore()
    await store.append('a', [event('a1')])
    await store.append('b', [event('b1')])
    const head = await store.head()
    await store.append('a', [event('a2')])
    expect(await ids(store.readAll())).toEqual(['a1', 'b1', 'a2'])
    expect(await ids(store.readAll({ after: head }))).toEqual(['a2'])
    expect(await ids(store.readAll({ limit: 2 }))).toEqual(['a1', 'b1'])
    await expect(all(store.readAll({ after: 'elsewhere' }))).rejects.toThrow(/not a position of this store/)
  })

  it('are filtered by types, correlation, aggregate, tenant and time, and all of them together', async () => {
    const clock = new VirtualClock()
    const store = new MemoryEventStore({ clock })
    const start = clock.now()
    const kinds = [
      { type: 'A', correlationid: 'c', aggregatetype: 'order', tenantid: 't' },
      { type: 'A', correlationid: 'c', aggregatetype: 'order', tenantid: 'u' },
      { type: 'B', correlationid: 'd', aggregatetype: 'order', tenantid: 't' },
      { type: 'A', correlationid: 'c', aggregatetype: 'user', tenantid: 't' },
    ]
    for (const [index, attributes] of kinds.entries()) {
      await store.append('a', [event(index, attributes)])
      await clock.advance(1_000)
    }
    expect(await ids(store.readAll({ types: ['B', 'C'] }))).toEqual(['2'])
    expect(await ids(store.readAll({ correlationId: 'c' }))).toEqual(['0', '1', '3'])
    expect(await ids(store.readAll({ aggregateType: 'user' }))).toEqual(['3'])
    expect(await ids(store.readAll({ since: new Date(start + 1_000), until: new Date(start + 3_000) }))).toEqual(['1', '2'])
    expect(
      await ids(store.readAll({ types: ['A'], correlationId: 'c', aggregateType: 'order', tenantId: 't', until: new Date(start + 1) })),
    ).toEqual(['0'])
  })

  it('are told of, once for what is appended together', async () => {
    const store = new MemoryEventStore()
    let told = 0
    const stop = store.onAppended(() => told++)
    await store.append('a', events(1, 3))
    expect(told).toBe(1)
    void store.append('a', [event(4)])
    await store.append('a', [event(5)])
    expect(told).toBe(2)
    stop()
    await store.append('a', [event(6)])
    expect(told).toBe(2)
  })

  it('are kept by count and by age only where that was asked for', async () => {
    const clock = new VirtualClock()
    const few = new MemoryEventStore({ maxEvents: 3, clock })
    await few.append('a', events(1, 2))
    await few.append('b', events(3, 5))
    expect(await ids(few.readAll())).toEqual(['3', '4', '5'])
    expect(await ids(few.readStream('a'))).toEqual([])
    expect((await few.append('a', [event(6)], { expectedVersion: 2 })).version).toBe(3)
    expect(few.health()).toEqual({ status: 'pass', observedValue: 3, observedUnit: 'events' })
    const read = new MemoryEventStore({ maxEvents: 3, clock })
    read.checkpoints.save('slow', '1', undefined)
    await read.append('a', events(1, 5))
    expect(await ids(read.readAll())).toEqual(['2', '3', '4', '5'])
    const unread = new MemoryEventStore({ maxEvents: 3, unread: 'remove', clock })
    unread.checkpoints.save('slow', '1', undefined)
    await unread.append('a', events(1, 5))
    expect(await ids(unread.readAll())).toEqual(['3', '4', '5'])
    const young = new MemoryEventStore({ ttlMs: 1_000, clock })
    await young.append('a', [event(1)])
    await clock.advance(600)
    await young.append('a', [event(2)])
    await clock.advance(400)
    expect(await ids(young.readStream('a'))).toEqual(['2'])
    expect(await ids(young.readAll())).toEqual(['2'])
  })
})
