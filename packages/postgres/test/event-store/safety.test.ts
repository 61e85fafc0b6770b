import { ConnectionError } from '@interline/core'
import { PostgresEventStore } from '@interline/postgres'
import { FaultProxy, freePort, startPostgres, waitFor, within } from '@interline/testing'
import { expect, test } from 'vitest'
import { plainClient, url } from '../postgres-server.js'
import { all, idsOf, message, messages, testStore } from './stores.js'

const shared = new URL(url)
const target = { host: shared.hostname, port: Number(shared.port === '' ? 5432 : shared.port) }
const through = (port: number): string => Object.assign(new URL(url), { host: `127.0.0.1:${port}` }).href

test('an append whose answer was lost is sent again and stored once', async () => {
  await using proxy = await FaultProxy.start(target)
  await using room = testStore()
  const store = room.another({ url: through(proxy.port), commandTimeoutMs: 400 })
  await store.append('s', messages(1))
  for (const expectedVersion of [1, 'any'] as const) {
    const given = messages(2)
    const before = Number(await room.store.head())
    proxy.dropReplies()
    const appended = store.append('s', given, { expectedVersion })
    await waitFor(async () => proxy.lossy > 0 && Number(await room.store.head()) === before + 2, { what: 'the events to be stored' })
    proxy.heal()
    expect(await within(appended, 10_000, 'The append')).toMatchObject({ position: String(before + 2) })
    expect(idsOf(await all(room.store.readStream('s', { backwards: true, limit: 2 }))).reverse()).toEqual(idsOf(given))
  }
  expect((await all(room.store.readStream('s'))).length).toBe(5)
})

test('a deletion whose answer was lost still answers that it deleted', async () => {
  await using proxy = await FaultProxy.start(target)
  await using room = testStore()
  const store = room.another({ url: through(proxy.port), commandTimeoutMs: 400 })
  await store.append('s', messages(1))
  proxy.dropReplies()
  const deleted = store.deleteStream('s')
  await waitFor(async () => proxy.lossy > 0 && (await room.store.head()) === '2', { what: 'the deletion to be stored' })
  proxy.cut()
  proxy.heal()
  expect(await within(deleted, 10_000, 'The deletion')).toBe(true)
})

test('a black hole and reset connections hold nothing up for ever, and lose nothing', async () => {
  await using proxy = await FaultProxy.start(target)
  await using room = testStore()
  const store = room.another({ url: through(proxy.port), commandTimeoutMs: 300, connectTimeoutMs: 300 })
  await store.append('s', messages(1))
  proxy.blackhole('both')
  const first = store.append('s', messages(1))
  await expect(within(all(store.readStream('s')), 5_000, 'The read')).rejects.toBeInstanceOf(ConnectionError)
  proxy.cut()
  proxy.heal()
  await within(first, 10_000, 'The append')
  const appends = Array.from({ length: 30 }, (_, index) => store.append(`t-${index % 5}`, messages(2)))
  proxy.cut()
  await within(Promise.all(appends), 15_000, 'The appends')
  expect((await all(room.store.readAll())).length).toBe(62)
}, 60_000)

test('a wrong password, a wrong port, a missing database and a silent server get a clear error in time, without a secret', async () => {
  await using server = await startPostgres({ password: 'correct-horse' })
  await using silent = await FaultProxy.start({ host: '127.0.0.1', port: server.port })
  silent.blackhole('both')
  const at = { host: '127.0.0.1', user: 'postgres', database: 'postgres', connectTimeoutMs: 1_000, commandTimeoutMs: 1_000 }
  const errorOf = async (options: object): Promise<unknown> => {
    await using store = new PostgresEventStore({ ...at, ...options })
    return await within(
      store.connect().then(
        () => 'connected',
        (error: unknown) => error,
      ),
      5_000,
      'The connection',
    )
  }
  const password = 'correct-horse'
  const wrong = await errorOf({ port: server.port, password: 'wrong-battery' })
  expect(wrong).toMatchObject({ code: 'INTERLINE_CONNECTION', message: expect.stringContaining('password or the user is wrong') })
  expect(JSON.stringify([wrong, String((wrong as Error).cause)])).not.toContain('wrong-battery')
  expect(await errorOf({ port: server.port, password, database: 'nowhere' })).toMatchObject({
    message: expect.stringContaining('no such database'),
  })
  expect(await errorOf({ port: await freePort(), password })).toBeInstanceOf(ConnectionError)
  expect(await errorOf({ port: silent.port, password })).toBeInstanceOf(ConnectionError)
  expect(await errorOf({ port: server.port, password })).toBe('connected')
  await using store = new PostgresEventStore({ ...at, port: server.port, password })
  await store.connect()
  expect(store.capabilities).toMatchObject({ durable: true, durability: expect.stringContaining('power failure') })
}, 60_000)

test('a read-only server, a statement that takes too long and missing rights are told in words', async () => {
  await using room = testStore()
  await room.store.append('s', messages(1))
  const readOnly = room.another({ url: `${url}?options=-c%20default_transaction_read_only%3Don`, appendTimeoutMs: 500 })
  await expect(readOnly.append('s', messages(1))).rejects.toThrow('read-only')
  expect(await readOnly.health()).toMatchObject({ status: 'fail', output: expect.stringContaining('read-only') })
  const slow = room.another({ statementTimeoutMs: 100 })
  await slow.connect()
  await using client = await plainClient()
  await client.sql.query('BEGIN')
  await client.sql.query(`LOCK TABLE "${room.schema}".interline_events`)
  await expect(slow.append('s', messages(1))).rejects.toThrow('statement_timeout')
  await client.sql.query('COMMIT')
  expect((await slow.append('s', messages(1))).version).toBe(2)
})

test('a full disk is told in words: nothing of the append is there, and the next one goes on when there is room', async () => {
  await using room = testStore()
  await room.store.append('s', messages(1))
  const trigger = `"${room.schema}".full`
  // A server answers so when it can't extend a file; which of its tables it was makes no difference to who asked.
  await room.sql(`CREATE FUNCTION ${trigger}() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$`)
  await room.sql(`CREATE TRIGGER full_disk BEFORE INSERT ON "${room.schema}".interline_events FOR EACH ROW EXECUTE FUNCTION ${trigger}()`)
  const before = await room.store.head()
  const refused = [room.store.append('s', messages(2)), ...[1, 2, 3].map((n) => room.store.append(`t-${n}`, messages(2)))]
  for (const each of await Promise.allSettled(refused)) {
    expect(each).toMatchObject({ reason: { message: expect.stringContaining('the disk of the server is full; free some space') } })
  }
  expect((await all(room.store.readAll())).length).toBe(1)
  expect(Number(await room.store.head())).toBeGreaterThanOrEqual(Number(before))
  await room.sql(`DROP TRIGGER full_disk ON "${room.schema}".interline_events`)
  expect((await room.store.append('s', messages(2), { expectedVersion: 1 })).version).toBe(3)
  expect((await room.store.append('t-1', messages(2), { expectedVersion: 'no-stream' })).version).toBe(2)
})

test('an idle connection that the server ends ends nothing here', async () => {
  await using room = testStore({ maxConnections: 2 })
  await room.store.append('s', messages(1))
  for (let time = 0; time < 3; time++) {
    await room.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'interline' AND query LIKE $1`, [
      `%${room.schema}%`,
    ])
    await room.store.append('s', messages(1))
  }
  expect((await all(room.store.readStream('s'))).length).toBe(4)
})

test('errors never hold the events that were sent', async () => {
  await using room = testStore()
  await room.store.append('s', [message({ card: '4111-1111' })])
  await room.sql(`ALTER TABLE "${room.schema}".interline_events ADD CHECK (data NOT LIKE '%4111%') NOT VALID`)
  const error = (await room.store.append('t', [message({ card: '4111-1111' })]).catch((thrown: unknown) => thrown)) as Error
  expect(error).toBeInstanceOf(ConnectionError)
  expect(JSON.stringify([error.message, error, error.cause, Object.entries(error.cause as Error)])).not.toContain('4111')
  expect(await all(room.store.readStream('t'))).toEqual([])
})
