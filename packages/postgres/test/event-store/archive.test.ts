import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type ReadAllOptions, type ReadStreamOptions, type RecordedEvent, streamDeletedType } from '@interline/core'
import type { PostgresArchive, PostgresEventStore } from '@interline/postgres'
import { waitFor } from '@interline/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { plainClient, url } from '../postgres-server.js'
import { all, message, messages, type TestStore, testStore } from './stores.js'
import { appendIn } from './transactions.js'

const full = process.env.INTERLINE_TEST_SCALE === 'full'
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'interline-archive-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** 60 events of three streams, one deleted and one begun anew, bytes and odd text among them. */
async function fill(store: PostgresEventStore): Promise<void> {
  const attributes = { correlationid: 'c-1', tenantid: 't-1', aggregatetype: 'order', partitionkey: 'k' }
  for (let part = 0; part < 10; part++) {
    await store.append('a', messages(2, { type: part % 2 === 0 ? 'Even' : 'Odd' }))
    await store.append('b', [message({ part }, attributes), message(new Uint8Array([0, 255, part]))])
    await store.append('c', [{ ...message(), data: `half \uD800 and a\0b ${part}` }], { forward: false })
    if (part === 3) await store.deleteStream('c')
  }
}

const readings: readonly (readonly [string, ReadStreamOptions])[] = [
  ['a', {}],
  ['a', { backwards: true }],
  ['a', { from: 7, to: 13 }],
  ['a', { from: 7, to: 13, backwards: true, limit: 3 }],
  ['b', { limit: 15 }],
  ['b', { backwards: true, limit: 15 }],
  ['c', {}],
  ['c', { backwards: true }],
  ['c', { from: 2, to: 5 }],
  ['never', {}],
]

async function everythingOf(store: PostgresEventStore, since: Date): Promise<unknown> {
  const filters: readonly ReadAllOptions[] = [
    {},
    { limit: 17 },
    { after: '20' },
    { after: '20', limit: 25 },
    { types: ['Even'] },
    { types: ['Even', streamDeletedType], after: '10' },
    { correlationId: 'c-1' },
    { tenantId: 't-1', limit: 8 },
    { aggregateType: 'order' },
    { since },
    { until: since },
    { since, types: ['Odd'] },
  ]
  const streams: RecordedEvent[][] = []
  for (const [stream, options] of readings) streams.push(await all(store.readStream(stream, options)))
  const alls: RecordedEvent[][] = []
  for (const options of filters) alls.push(await all(store.readAll(options)))
  return { streams, alls }
}

const places: readonly (readonly [string, () => PostgresArchive])[] = [
  ['another table', () => ({})],
  ['files', () => ({ folder, minEvents: 1 })],
]

/** Does something before a statement is asked for the first time. */
class HookedPool extends pg.Pool {
  #hook: (() => Promise<void>) | undefined

  constructor(statement: RegExp, hook: () => Promise<void>) {
    super({ connectionString: url, max: 2 })
    this.#hook = hook
    this.on('connect', (client) => {
      const query = client.query.bind(client) as (...words: unknown[]) => unknown
      const hooked = async (...words: unknown[]): Promise<unknown> => {
        const [asked] = words as [string | { readonly text: string }]
        const now = statement.test(typeof asked === 'string' ? asked : asked.text) ? this.#hook : undefined
        if (now !== undefined) this.#hook = undefined
        await now?.()
        return query(...words)
      }
      Object.assign(client, { query: hooked })
    })
  }
}

/** As many steps as it takes, so that there is more than one file. */
async function archiveInSteps(room: TestStore, archive: PostgresArchive, kept: readonly number[]): Promise<void> {
  for (const maxEvents of kept) await room.another({ archive: { ...archive, maxEvents } }).applyArchive()
}

describe.each(places)('an archive in %s', (_where, archive) => {
  test('is read through: every way of reading gives what it gave before, byte by byte', async () => {
    await using room = testStore()
    await fill(room.store)
    const middle = (await all(room.store.readAll({ after: '25', limit: 1 })))[0] as RecordedEvent
    const since = new Date(middle.recordedAt)
    const before = await everythingOf(room.store, since)
    const reader = room.another({ archive: { folder } })
    const live = async (): Promise<unknown> =>
      (await room.sql(`SELECT count(*)::int AS count FROM "${room.schema}".interline_events`))[0]?.count
    for (const kept of [40, 39, 12, 0]) {
      await archiveInSteps(room, archive(), [kept])
      expect(await live()).toBe(kept)
      expect(await everythingOf(reader, since)).toEqual(before)
    }
    expect((await reader.append('a', messages(1), { expectedVersion: 20 })).version).toBe(21)
    expect((await all(reader.readStream('a'))).map(({ version }) => version)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1))
  })

  test('that takes events over while a time is looked for leaves none of them out', async () => {
    await using room = testStore()
    await room.store.append('s', messages(10))
    const since = new Date((await all(room.store.readAll({ limit: 1 })))[0]?.recordedAt as number)
    for (const maxEvents of [5, 0]) {
      // Between the look for what is archived and the look for the time.
      const pool = new HookedPool(/min\(position \+ 0\)/, () => archiveInSteps(room, archive(), [maxEvents]))
      const reader = room.another({ client: pool, archive: { folder } })
      expect((await all(reader.readAll({ since }))).map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      await pool.end()
    }
  })

  test('takes no part in what a reader with a checkpoint has not read, unless told to, and health names the reader', async () => {
    await using room = testStore({ archive: { ...archive(), maxEvents: 2 } })
    const { store } = room
    await store.append('s', messages(10))
    await store.checkpoints.save('slow', '4', undefined)
    expect(await store.applyArchive()).toEqual({ events: 4 })
    expect(await store.health()).toMatchObject({ status: 'warn', output: expect.stringContaining('"slow"') })
    await store.checkpoints.save('slow', '10', '4')
    expect(await store.applyArchive()).toEqual({ events: 4 })
    expect(await store.health()).toMatchObject({ status: 'pass' })
    await store.checkpoints.save('slow', '1', '10')
    expect(await room.another({ archive: { ...archive(), maxEvents: 0, unread: 'move' } }).applyArchive()).toEqual({ events: 2 })
    expect((await all(store.readAll())).length).toBe(10)
  })

  test('holds no event of a deleted stream, and keeps the record of the deletion', async () => {
    await using room = testStore({ archive: { ...archive(), maxEvents: 0 } })
    const { store } = room
    await store.append('gone', [message({ card: '4111-1111' }), ...messages(3)])
    await store.append('stays', messages(2))
    await store.applyArchive()
    expect(await store.deleteStream('gone')).toBe(true)
    expect(await all(store.readStream('gone'))).toEqual([])
    expect(await all(store.readStream('gone', { backwards: true }))).toEqual([])
    const order = async (): Promise<unknown> => (await all(store.readAll())).map(({ stream, version }) => `${stream} ${version}`)
    expect(await order()).toEqual(['stays 1', 'stays 2', 'gone 4'])
    expect((await store.append('gone', messages(1), { expectedVersion: 'no-stream' })).version).toBe(5)
    await store.applyArchive()
    expect(await order()).toEqual(['stays 1', 'stays 2', 'gone 4', 'gone 5'])
    expect((await all(store.readStream('gone'))).map(({ version }) => version)).toEqual([5])
    const kept = await room.sql(`SELECT data FROM "${room.schema}".interline_events_archive`)
    expect(JSON.stringify(kept) + (await textOfFiles(store))).not.toContain('4111')
  })

  test('misses nothing and gives nothing twice while readers and writers go on', async () => {
    await using room = testStore({ archive: { ...archive(), maxEvents: 20, minEvents: 1 } })
    const { store } = room
    const [writer, reader] = [room.another(), room.another({ archive: { folder } })]
    await store.connect()
    const until = performance.now() + 3_000
    const running = (): boolean => performance.now() < until
    const given = new Map<string, number>()
    let moved = 0
    const seen: RecordedEvent[] = []
    const wrong: string[] = []
    const write = async (stream: string): Promise<void> => {
      while (running()) given.set(stream, (await writer.append(stream, messages(1 + Math.floor(Math.random() * 5)))).version)
    }
    const archiving = async (): Promise<void> => {
      while (running()) moved += (await store.applyArchive()).events
    }
    const tail = async (): Promise<void> => {
      for (let last = false; !last; ) {
        last = !running()
        for await (const event of reader.readAll({ after: seen.at(-1)?.position })) seen.push(event)
      }
    }
    const readAgain = async (): Promise<void> => {
      while (running()) {
        for (const backwards of [false, true]) {
          const versions = (await all(reader.readStream('s-0', { backwards }))).map(({ version }) => version)
          if (backwards) versions.reverse()
          if (!versions.every((version, index) => version === index + 1)) wrong.push(versions.join(' '))
        }
        const positions = (await all(reader.readAll())).map(({ position }) => Number(position))
        if (!positions.every((position, index) => position > (positions[index - 1] ?? 0))) wrong.push('an inversion')
        if (positions.length < seen.length - 20_000) wrong.push('fewer than before')
      }
    }
    await Promise.all([write('s-0'), write('s-1'), write('s-2'), archiving(), tail(), readAgain()])
    for await (const event of reader.readAll({ after: seen.at(-1)?.position })) seen.push(event)
    const total = [...given.values()].reduce((sum, version) => sum + version, 0)
    expect(wrong).toEqual([])
    expect(seen.length).toBe(total)
    expect(new Set(seen.map(({ position }) => position)).size).toBe(total)
    expect((await all(reader.readAll())).length).toBe(total)
    expect(moved).toBeGreaterThan(total / 2)
  }, 60_000)

  test.each<[string, (store: PostgresEventStore) => AsyncIterable<RecordedEvent>, number]>([
    ['a stream', (store) => store.readStream('s'), 2_000],
    ['a stream backwards', (store) => store.readStream('s', { backwards: true }), 2_000],
    ['all', (store) => store.readAll(), 2_000],
    ['what has a rare type', (store) => store.readAll({ types: ['Rare'] }), 2],
  ])('is found by a reader of %s from under whom everything is archived', async (_what, read, count) => {
    await using room = testStore({ archive: { ...archive(), maxEvents: 0 } })
    const { store } = room
    await store.append('s', [message({}, { type: 'Rare' }), ...messages(1_998), message({}, { type: 'Rare' })])
    const versions: number[] = []
    for await (const { version } of read(store)) {
      if (versions.push(version) === 1) await store.applyArchive()
    }
    expect(versions.length).toBe(count)
    expect(new Set(versions).size).toBe(count)
    expect([...versions].sort((one, other) => one - other)).toEqual(versions[0] === 1 ? versions : [...versions].reverse())
  })

  test('stops at what may still come before other events, and goes on when it has come', async () => {
    await using room = testStore({ archive: { ...archive(), maxEvents: 0, minEvents: 1 } })
    const { store } = room
    await store.append('first', messages(1))
    await using open = await plainClient()
    await open.sql.query('BEGIN')
    await appendIn(open.sql, room.schema, 'held')
    await store.append('last', messages(1))
    expect(await store.applyArchive()).toEqual({ events: 1 })
    await open.sql.query('COMMIT')
    expect((await all(store.readAll({ after: '1' }))).map(({ stream }) => stream)).toEqual(['held', 'last'])
    expect(await store.applyArchive()).toEqual({ events: 2 })
    expect((await all(store.readAll())).map(({ stream }) => stream)).toEqual(['first', 'held', 'last'])
  })

  test('gives up archived events by their age, where it is told to', async () => {
    await using room = testStore({ archive: { ...archive(), maxEvents: 0, keepMs: 300 } })
    const { store } = room
    await store.append('s', messages(5))
    expect(await store.applyArchive()).toEqual({ events: 5 })
    await waitFor(
      async () => {
        await store.applyArchive()
        return (await all(store.readAll())).length === 0
      },
      { what: 'the events to go' },
    )
    expect(await all(store.readStream('s'))).toEqual([])
    expect((await store.append('s', messages(1), { expectedVersion: 5 })).version).toBe(6)
    expect(await filesOf(store)).toEqual([])
  })
})

test.each(places)(
  'kill -9 in the middle of archiving to %s loses nothing, doubles nothing and leaves no file behind',
  async (_where, place) => {
    await using room = testStore({ archive: { folder } })
    const { store } = room
    await store.connect()
    const archive = { ...place(), maxEvents: 10, minEvents: 1 }
    const options = JSON.stringify({ url, schema: room.schema, hints: false, archive })
    let version = 0
    for (let kills = 0; kills < (full ? 40 : 6); kills++) {
      const child = fork(new URL('./archiving-process.mjs', import.meta.url), [options], {
        execArgv: [],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      })
      await once(child, 'message')
      const archived = async (): Promise<number> =>
        Number((await room.sql(`SELECT position FROM "${room.schema}".interline_events_archived`))[0]?.position)
      const before = await archived()
      const ended = once(child, 'exit')
      const after = 5 + Math.random() * 400
      for (const since = performance.now(); performance.now() - since < after || (await archived()) === before; ) {
        version = (await store.append('s', messages(1 + Math.floor(Math.random() * 200)))).version
      }
      child.kill('SIGKILL')
      await ended
      expect((await all(store.readAll())).map(({ version: each }) => each)).toEqual(
        Array.from({ length: version }, (_, index) => index + 1),
      )
    }
    await room.another({ archive: { ...archive, maxEvents: 0 } }).applyArchive()
    expect((await all(store.readStream('s'))).length).toBe(version)
    const known = await room.sql(`SELECT file FROM "${room.schema}".interline_events_segments ORDER BY first`)
    expect([...(await filesOf(store))].sort()).toEqual(known.map(({ file }) => String(file)).sort())
  },
  120_000,
)

test('archives by itself, and says how many', async () => {
  const told: number[] = []
  const archive = { maxAgeMs: 100, intervalMs: 20, onArchived: ({ events }: { events: number }) => void told.push(events) }
  await using room = testStore({ archive })
  await room.store.append('s', messages(3))
  await waitFor(() => told.reduce((sum, events) => sum + events, 0) === 3, { what: 'the events to be archived' })
  expect((await all(room.store.readStream('s'))).length).toBe(3)
})

test('a file is compressed lines of JSON that anybody can read', async () => {
  await using room = testStore({ archive: { folder, maxEvents: 0, minEvents: 1 } })
  await room.store.append('order:1', [message({ total: 5 })])
  await room.store.applyArchive()
  const [head, event] = (await textOfFiles(room.store))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(head).toMatchObject({ format: 'interline.archive', version: 1, first: 1, last: 1 })
  expect(event).toMatchObject({ stream: 'order:1', version: 1, position: '1', message: { data: '{"total":5}' } })
})

test('a process that was not told the folder, a missing and a damaged file are said in words', async () => {
  await using room = testStore({ archive: { folder, maxEvents: 0, minEvents: 1 } })
  const { store } = room
  await store.append('s', messages(500))
  await store.applyArchive()
  await expect(all(room.another({}).readAll())).rejects.toThrow('Give store.postgres.archive.folder')
  const elsewhere = room.another({ archive: { folder: join(folder, 'elsewhere') } })
  await expect(all(elsewhere.readStream('s'))).rejects.toThrow(/is missing.*restore the file/)
  const [name = ''] = await filesOf(store)
  const whole = await readFile(join(folder, name))
  await truncate(join(folder, name), whole.length - 10)
  await expect(all(store.readStream('s'))).rejects.toThrow(/is damaged.*backup/)
  await writeFile(join(folder, name), 'something else')
  await expect(all(store.readAll())).rejects.toThrow(/is damaged.*backup/)
  await writeFile(join(folder, name), whole)
  expect((await all(store.readAll())).length).toBe(500)
})

test.each<[PostgresArchive, string]>([
  [{}, 'says nothing about what goes there'],
  [{ folder: 'x', keepMs: 5 }, 'says nothing about what goes there'],
  [{ maxEvents: -1 }, 'store.postgres.archive.maxEvents must be a whole number of at least 0'],
  [{ maxEvents: 1, unread: 'remove' as never }, `must be 'keep' or 'move'`],
])('refuses %j', (archive, words) => {
  expect(() => testStore({ archive })).toThrow(words)
})

/** The store's own files. */
async function filesOf(store: PostgresEventStore): Promise<readonly string[]> {
  const scope = store.capabilities.scope.split(':').at(-1)?.slice(0, 8)
  return (await readdir(folder)).filter((name) => name.includes(`-${scope}-`))
}

async function textOfFiles(store: PostgresEventStore): Promise<string> {
  const texts = await Promise.all((await filesOf(store)).map(async (name) => gunzipSync(await readFile(join(folder, name))).toString()))
  return texts.join('')
}
