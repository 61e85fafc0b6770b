import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StoredEvents } from '@interline/core'
import { freePort, waitFor } from '@interline/testing'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { all, messages, testStore } from './event-store/stores.js'
import { url } from './postgres-server.js'

let folder: string
let bouncer: ChildProcess
let through: string

/** A pgbouncer in transaction mode with two connections to the server: whoever relies on a connection of his own is found out. */
beforeAll(async () => {
  const port = await freePort()
  const target = new URL(url)
  folder = await mkdtemp(join(tmpdir(), 'interline-pgbouncer-'))
  await chmod(folder, 0o755)
  const settings = join(folder, 'pgbouncer.ini')
  await writeFile(
    settings,
    `[databases]
* = host=${target.hostname} port=${target.port || 5432} user=${target.username}${target.password === '' ? '' : ` password=${target.password}`}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
`,
  )
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? ['--user', 'nobody'] : []
  bouncer = spawn('pgbouncer', [...user, '--quiet', settings], {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  })
  const failed = once(bouncer, 'error').then(() => {
    throw new Error('There is no pgbouncer. Install it (Debian: apt-get install pgbouncer).')
  })
  failed.catch(() => undefined)
  through = Object.assign(new URL(url), { host: `127.0.0.1:${port}` }).href
  await Promise.race([failed, waitFor(answers, { what: 'pgbouncer', limitMs: 10_000 })])
})

afterAll(async () => {
  if (bouncer?.exitCode === null && bouncer.kill('SIGINT')) await once(bouncer, 'exit')
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

async function answers(): Promise<boolean> {
  const client = new pg.Client({ connectionString: through })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.end()
    return true
  } catch {
    return false
  }
}

test('a store works through pgbouncer in transaction mode with hints off', async () => {
  await using room = testStore()
  const store = room.another({ url: through, hints: false, prepare: false, maxConnections: 8 })
  const reader = room.another({ url: through, hints: false, prepare: false })
  await store.connect()
  const handled: string[] = []
  const subscription = await new StoredEvents(reader).subscribe({ name: 'mail', pollMs: 20 }, (_event, { recorded }) => {
    handled.push(recorded.position)
  })
  await Promise.all(Array.from({ length: 200 }, (_, index) => store.append(`s-${index % 20}`, messages(1 + (index % 5)))))
  expect(await store.deleteStream('s-0')).toBe(true)
  const positions = (await all(room.store.readAll())).map(({ position }) => position)
  await waitFor(() => handled.includes(positions.at(-1) ?? ''), { what: 'the last event', progress: () => handled.length, limitMs: 20_000 })
  expect(positions.filter((position) => !handled.includes(position))).toEqual([])
  expect(new Set(handled).size).toBe(handled.length)
  await subscription.close()
  const archiving = room.another({ url: through, hints: false, prepare: false, archive: { maxEvents: 0 } })
  expect(await archiving.applyArchive()).toEqual({ events: positions.length })
  expect((await all(store.readAll())).map(({ position }) => position)).toEqual(positions)
})

test('with statementTimeoutMs it says what pgbouncer has to be told', async () => {
  await using room = testStore()
  const store = room.another({ url: through, hints: false, prepare: false, statementTimeoutMs: 1_000 })
  await expect(store.connect()).rejects.toThrow(/statement_timeout/)
})
