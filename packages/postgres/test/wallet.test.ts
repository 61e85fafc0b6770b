import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@interline/testing'
import { expect, test } from 'vitest'
import { newSchema } from './outbox/outboxes.js'
import { cleanUp, plainClient, url } from './postgres-server.js'

interface Sent {
  readonly id: string
  readonly data: string
}
type Report =
  | { readonly kind: 'published'; readonly messages: readonly Sent[] }
  | { readonly kind: 'acknowledged'; readonly id: string }
  | { readonly kind: 'transferred' }

const accounts = 20
const transfers = 1_000
const kills = 4

test('the balances add up after a thousand transfers, with kills, duplicates and reordering', async () => {
  const schema = newSchema()
  await using client = await plainClient()
  const { sql } = client
  await sql.query(`CREATE SCHEMA "${schema}"; CREATE TABLE "${schema}".accounts (id int PRIMARY KEY, balance int NOT NULL);
    CREATE TABLE "${schema}".transfers (number int PRIMARY KEY);
    INSERT INTO "${schema}".accounts SELECT n, 1000 FROM generate_series(0, ${accounts - 1}) n`)
  const published = new Map<string, Sent>()
  const acknowledged = new Set<string>()
  let publishes = 0
  let transferred = false
  let service: ChildProcess | undefined
  const deliver = (messages: readonly Sent[]): void => {
    // In any order, and one in four twice.
    const doubled = [...messages, ...messages.filter(() => Math.random() < 0.25)]
    for (const message of doubled.sort(() => Math.random() - 0.5)) service?.send(message, () => undefined)
  }
  const start = (): void => {
    const { NODE_OPTIONS: _ours, ...env } = process.env
    const orders = JSON.stringify({ url, schema, accounts, transfers })
    const own = fork(fileURLToPath(new URL('./wallet-process.mjs', import.meta.url)), [orders], {
      execArgv: [],
      env,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    service = own
    own.on('message', (report: Report) => {
      if (report.kind === 'acknowledged') acknowledged.add(report.id)
      else if (report.kind === 'transferred') transferred = true
      else {
        publishes += report.messages.length
        for (const message of report.messages) published.set(message.id, message)
        deliver(report.messages)
      }
    })
    // What was delivered to one that is gone, and not acknowledged, is delivered again.
    deliver([...published.values()].filter(({ id }) => !acknowledged.has(id)))
  }
  const kill = async (): Promise<void> => {
    const gone = new Promise((resolve) => service?.once('close', resolve))
    service?.kill('SIGKILL')
    await gone
  }
  try {
    start()
    for (let number = 0; number < kills; number++) {
      const until = acknowledged.size + 1 + Math.floor((Math.random() * transfers) / kills / 1.2)
      await waitFor(() => acknowledged.size >= Math.min(until, transfers), {
        what: 'some credits',
        progress: () => acknowledged.size,
        limitMs: 15_000,
      })
      await kill()
      start()
    }
    await waitFor(() => transferred && acknowledged.size === transfers, {
      what: 'all credits',
      progress: () => `${acknowledged.size} ${published.size}`,
      limitMs: 15_000,
    })
    await waitFor(async () => (await sql.query(`SELECT 1 FROM "${schema}".interline_outbox`)).rowCount === 0, {
      what: 'an empty outbox',
      limitMs: 15_000,
    })
  } finally {
    await kill()
  }
  const { rows } = await sql.query<{ id: number; balance: number }>(`SELECT id, balance FROM "${schema}".accounts ORDER BY id`)
  await cleanUp(schema)
  const expected = Array.from({ length: accounts }, () => 1_000)
  for (let number = 0; number < transfers; number++) {
    const amount = 1 + (number % 9)
    expected[number % accounts] = (expected[number % accounts] ?? 0) - amount
    const to = (number * 7 + 1) % accounts
    expected[to] = (expected[to] ?? 0) + amount
  }
  expect(rows.map(({ balance }) => balance)).toEqual(expected)
  expect(published.size).toBe(transfers)
  expect(publishes).toBeGreaterThanOrEqual(transfers)
}, 120_000)
