import { defineEvent, eventEncoding, newEventId, staticSchema, systemClock } from '@interline/core'
import { pgDatabase, postgresInbox, postgresOutbox } from '@interline/postgres'
import pg from 'pg'

/**
 * A wallet service: debits an account and adds the event in one transaction, and credits the other account through an inbox. Its broker is
 * the parent process, which delivers in any order, and more than once. It may be killed at any time.
 */
const { url, schema, accounts, transfers } = JSON.parse(process.argv[2])
const EscrowSettled = defineEvent('ESCROW_SETTLED', { topic: 'wallet.settled', schema: staticSchema(), key: (data) => data.to })
const pool = new pg.Pool({ connectionString: url, max: 6 })
const database = pgDatabase(pool)
const outbox = postgresOutbox(database, { schema, leaseMs: 1_000, logger: { warn: () => undefined } })
const inbox = postgresInbox(database, { schema })
const tell = (report) => new Promise((resolve, reject) => process.send(report, (error) => (error === null ? resolve() : reject(error))))

await outbox.connect()
await inbox.connect()
await outbox.start({
  clock: systemClock,
  logger: console,
  encoding: eventEncoding({ defaults: { source: 'wallet' } }),
  check: () => undefined,
  publish: (messages) => tell({ kind: 'published', messages: messages.map(({ attributes, data }) => ({ id: attributes.id, data })) }),
  health: async () => ({ status: 'pass' }),
})
process.on('message', async ({ id, data }) => {
  const event = { id, source: 'wallet', type: 'ESCROW_SETTLED' }
  await inbox.handle(event, 'credits', async (client) => {
    const { to, amount } = JSON.parse(data)
    await client.query(`UPDATE "${schema}".accounts SET balance = balance + $2 WHERE id = $1`, [to, amount])
  })
  await tell({ kind: 'acknowledged', id })
})
process.on('disconnect', () => process.exit(0))

const transfer = (number) =>
  outbox.transaction(async (client) => {
    const started = await client.query(`INSERT INTO "${schema}".transfers VALUES ($1) ON CONFLICT DO NOTHING`, [number])
    if (started.rowCount === 0) return
    const [from, to] = [number % accounts, (number * 7 + 1) % accounts]
    const amount = 1 + (number % 9)
    await client.query(`UPDATE "${schema}".accounts SET balance = balance - $2 WHERE id = $1`, [from, amount])
    await outbox.add(client, EscrowSettled({ to, amount, number }, { eventId: newEventId() }))
  })
for (let number = 0; number < transfers; number += 4) await Promise.all([0, 1, 2, 3].map((more) => transfer(number + more)))
await tell({ kind: 'transferred' })
