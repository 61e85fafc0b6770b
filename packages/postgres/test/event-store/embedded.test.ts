import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PGlite } from '@electric-sql/pglite'
import { PostgresDeadLetterStore, PostgresEventStore } from '@interline/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { all, messages } from './stores.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'interline-pglite-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('keeps events in a folder, which all parts of a process share, and no other process', async () => {
  const dataDir = join(folder, 'events')
  const [store, second] = [new PostgresEventStore({ dataDir }), new PostgresEventStore({ dataDir, table: 'others' })]
  const letters = new PostgresDeadLetterStore({ dataDir: `${folder}/./events` })
  const [first] = await Promise.all([store.append('s', messages(3)), second.append('s', messages(2)), letters.count()])
  expect(first.version).toBe(3)
  expect(store.capabilities).toMatchObject({ durable: true, concurrentTransactions: false })
  await expect(openElsewhere(dataDir)).rejects.toThrow(`is open in process ${process.pid}`)
  await store.close()
  await store.close()
  expect(await letters.count()).toBe(0)
  expect((await all(second.readStream('s'))).length).toBe(2)
  await Promise.all([second.close(), letters.close()])
  // The last one closed it: others may have it now, and so may this process again.
  await openElsewhere(dataDir)
  await using again = new PostgresEventStore({ dataDir })
  expect((await all(again.readStream('s'))).length).toBe(3)
}, 60_000)

/** Opens it in a process of its own, and closes it. */
async function openElsewhere(dataDir: string): Promise<void> {
  const program = `import { PostgresEventStore } from '@interline/postgres'
    const store = new PostgresEventStore({ dataDir: ${JSON.stringify(dataDir)} })
    await store.connect()
    await store.close()`
  const { NODE_OPTIONS: _ours, ...env } = process.env
  const options = { cwd: join(import.meta.dirname, '../..'), env }
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], options)
}

test('takes over from a process that is gone, and not from another machine', async () => {
  const dataDir = join(folder, 'abandoned')
  const gone = await promisify(execFile)(process.execPath, ['-p', 'process.pid'])
  const owner = { token: 'x', pid: Number(gone.stdout), host: hostname() }
  await writeFile(`${dataDir}.lock`, JSON.stringify({ ...owner, host: 'elsewhere' }))
  await using other = new PostgresEventStore({ dataDir })
  await expect(other.connect()).rejects.toThrow('of elsewhere')
  await writeFile(`${dataDir}.lock`, JSON.stringify(owner))
  await using store = new PostgresEventStore({ dataDir })
  expect((await store.append('s', messages(1))).version).toBe(1)
}, 60_000)

test('uses a PGlite that is handed in, and leaves it open', async () => {
  const client = new PGlite()
  const store = new PostgresEventStore({ client })
  await store.append('s', messages(1))
  expect(store.capabilities).toMatchObject({ durable: false, durability: 'Events are gone with the process.' })
  await store.close()
  expect((await client.query<{ count: number }>('SELECT count(*)::int AS count FROM interline_events')).rows).toEqual([{ count: 1 }])
  await client.close()
}, 60_000)
