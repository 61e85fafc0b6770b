import { type ExpectedVersion, WrongExpectedVersionError } from '@interline/core'
import { expect, test } from 'vitest'
import { all, idsOf, message, messages, testStore } from './stores.js'

test('reads back what was appended: stream, version, position, time and message', async () => {
  await using room = testStore()
  const { store } = room
  const before = Date.now() - 1_000
  const given = [
    message({ text: 'Grüße, 世界, 🎉, \u0000, \uFFFD' }, { tenantid: 't-1', partitionkey: 'o-1' }),
    message(new Uint8Array([0, 255, 254, 128, 10, 0]), { datacontenttype: 'application/octet-stream' }),
    message({ large: 'x'.repeat(1_000_000) }),
    { ...message({}), destination: 'elsewhere', deliverAt: 4_102_444_800_000 },
  ]
  const result = await store.append('order:o-1', given, { forward: false })
  const read = await all(store.readStream('order:o-1'))
  expect(result).toEqual({ version: 4, position: '4' })
  expect(read.map(({ stream, version, position, forward }) => ({ stream, version, position, forward }))).toEqual(
    [1, 2, 3, 4].map((version) => ({ stream: 'order:o-1', version, position: String(version), forward: false })),
  )
  expect(read.every(({ recordedAt }) => recordedAt > before && recordedAt < Date.now() + 1_000)).toBe(true)
  for (const [index, wire] of given.entries()) {
    const found = read[index]?.message
    expect(found).toEqual({ ...wire, data: wire.data instanceof Uint8Array ? Buffer.from(wire.data) : wire.data })
  }
  expect(await all(store.readAll())).toEqual(read)
})

test('reads a part of a stream, forwards and backwards', async () => {
  await using room = testStore()
  const { store } = room
  const given = messages(130)
  await store.append('s', given)
  const versions = async (options: Parameters<typeof store.readStream>[1]) =>
    (await all(store.readStream('s', options))).map(({ version }) => version)
  expect(await versions({})).toEqual(Array.from({ length: 130 }, (_, index) => index + 1))
  expect(await versions({ from: 3, to: 5 })).toEqual([3, 4, 5])
  expect(await versions({ from: 128 })).toEqual([128, 129, 130])
  expect(await versions({ to: 2 })).toEqual([1, 2])
  expect(await versions({ limit: 2 })).toEqual([1, 2])
  expect(await versions({ backwards: true, limit: 3 })).toEqual([130, 129, 128])
  expect(await versions({ backwards: true, from: 2, to: 4 })).toEqual([4, 3, 2])
  expect((await versions({ backwards: true })).length).toBe(130)
  expect(await versions({ from: 131 })).toEqual([])
  expect(await versions({ limit: 0 })).toEqual([])
  expect(await all(store.readStream('unknown'))).toEqual([])
})

test('checks each kind of expected version, says what it found, and appends nothing', async () => {
  await using room = testStore()
  const { store } = room
  const refused = async (stream: string, expectedVersion: ExpectedVersion, actual: number) => {
    const error = await store.append(stream, [message()], { expectedVersion }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(WrongExpectedVersionError)
    expect(error).toMatchObject({ stream, expected: expectedVersion, actual })
  }
  await refused('s', 1, 0)
  await refused('s', 'stream-exists', 0)
  await store.append('s', [message()], { expectedVersion: 'no-stream' })
  await refused('s', 'no-stream', 1)
  await refused('s', 0, 1)
  await refused('s', 2, 1)
  await store.append('s', [message()], { expectedVersion: 1 })
  await store.append('s', [message()], { expectedVersion: 'stream-exists' })
  await store.append('s', [message()], { expectedVersion: 'any' })
  await store.append('other', [message()], { expectedVersion: 0 })
  expect((await all(store.readStream('s'))).map(({ version }) => version)).toEqual([1, 2, 3, 4])
  expect(await store.head()).toBe('5')
  expect(await store.append('s', [], { expectedVersion: 4 })).toEqual({ version: 4, position: '5' })
  await expect(store.append('s', [], { expectedVersion: 3 })).rejects.toThrow(WrongExpectedVersionError)
})

test('of concurrent appends to one version exactly one wins', async () => {
  await using room = testStore()
  const { store } = room
  const results = await Promise.allSettled(messages(20).map((each) => store.append('s', [each], { expectedVersion: 0 })))
  expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(1)
  expect((await all(store.readStream('s'))).length).toBe(1)
})

test('32 writers with retries give versions without gap or repeat', async () => {
  await using room = testStore()
  const stores = Array.from({ length: 4 }, () => room.another())
  const given = Array.from({ length: 32 }, () => messages(6))
  await Promise.all(
    given.map(async (own, writer) => {
      const store = stores[writer % stores.length] ?? room.store
      for (const each of own) {
        for (let version = 0; ; ) {
          const result = await store.append('s', [each], { expectedVersion: version }).catch((error: unknown) => error)
          if (!(result instanceof WrongExpectedVersionError)) break
          version = result.actual
        }
      }
    }),
  )
  const read = await all(room.store.readStream('s'))
  expect(read.map(({ version }) => version)).toEqual(Array.from({ length: 192 }, (_, index) => index + 1))
  expect(idsOf(read).sort()).toEqual(idsOf(given.flat()).sort())
})

test('the same event ids with the same expected version give the first result, other events a conflict', async () => {
  await using room = testStore()
  const { store } = room
  await store.append('s', messages(2))
  const given = messages(3)
  const first = await store.append('s', given, { expectedVersion: 2 })
  await store.append('s', messages(1))
  for (const expectedVersion of [2, 'any', 'stream-exists'] as const)
    expect(await store.append('s', given, { expectedVersion })).toEqual(first)
  await expect(store.append('s', given, { expectedVersion: 3 })).rejects.toMatchObject({ expected: 3, actual: 6 })
  await expect(store.append('s', messages(3), { expectedVersion: 2 })).rejects.toMatchObject({ expected: 2, actual: 6 })
  await expect(store.append('s', [...given.slice(1), message()], { expectedVersion: 'any' })).rejects.toThrow('in stream "s" already')
  await expect(store.append('s', [message(), ...given], { expectedVersion: 'any' })).rejects.toThrow('in stream "s" already')
  await expect(store.append('elsewhere', given, { expectedVersion: 'any' })).rejects.toThrow('in stream "s" already')
  const born = messages(2)
  const birth = await store.append('new', born, { expectedVersion: 'no-stream' })
  expect(await store.append('new', born, { expectedVersion: 'no-stream' })).toEqual(birth)
  expect(await store.append('new', born, { expectedVersion: 0 })).toEqual(birth)
  expect((await all(store.readAll())).length).toBe(8)
})

test('a deleted stream is gone from reads, leaves a record for readers of all, and its versions are not used again', async () => {
  await using room = testStore()
  const { store } = room
  await store.append('s', messages(3, { correlationid: 'c' }))
  await store.append('other', messages(1, { correlationid: 'c' }))
  await expect(store.deleteStream('s', { expectedVersion: 2 })).rejects.toMatchObject({ expected: 2, actual: 3 })
  expect(await store.deleteStream('s', { expectedVersion: 3 })).toBe(true)
  expect(await store.deleteStream('s')).toBe(false)
  expect(await store.deleteStream('unknown')).toBe(false)
  expect(await all(store.readStream('s'))).toEqual([])
  expect((await all(store.readAll({ correlationId: 'c' }))).map(({ stream }) => stream)).toEqual(['other'])
  const [, deletion] = await all(store.readAll())
  expect(deletion).toMatchObject({
    stream: 's',
    version: 3,
    position: '5',
    forward: false,
    message: { attributes: { type: 'interline.stream.deleted', subject: 's' } },
  })
  await expect(store.append('s', messages(1), { expectedVersion: 'stream-exists' })).rejects.toMatchObject({ actual: 0 })
  expect(await store.append('s', messages(2), { expectedVersion: 'no-stream' })).toMatchObject({ version: 5 })
  expect((await all(store.readStream('s'))).map(({ version }) => version)).toEqual([4, 5])
})

test('a deleted stream begins at version 1 again only where an expected 0 asks for it', async () => {
  await using room = testStore()
  const { store } = room
  const old = messages(2, { correlationid: 'c' })
  await store.append('s', old)
  await store.deleteStream('s')
  expect(await store.append('s', old, { expectedVersion: 0 })).toEqual({ version: 2, position: '5' })
  expect(await store.append('s', old, { expectedVersion: 0 })).toEqual({ version: 2, position: '5' })
  expect((await all(store.readAll({ correlationId: 'c' }))).map(({ position }) => position)).toEqual(['4', '5'])
})

test('tells who asked after each append in this process, until they stop it', async () => {
  await using room = testStore()
  const { store } = room
  let calls = 0
  const stop = store.onAppended(() => calls++)
  await store.append('s', messages(1))
  await store.append('s', messages(1), { expectedVersion: 7 }).catch(() => undefined)
  expect(calls).toBe(1)
  stop()
  await store.append('s', messages(1))
  expect(calls).toBe(1)
})
