import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { findServer, waitFor } from '@interline/testing'
import { expect, test } from 'vitest'
import { removeSchema } from '../../../src/places/leftovers/postgres-schema.js'
import { removeKeys } from '../../../src/places/leftovers/redis-keys.js'
import { audit } from '../../../src/systems/rewards/audit.js'
import { earningOperations } from '../../../src/systems/rewards/checks.js'
import { openDatabase } from '../../../src/systems/rewards/database.js'
import { ActivityFeedService } from '../../../src/systems/rewards/subscribers/activity-feed.js'
import { openingPoints, userIds } from '../../../src/systems/rewards/traffic.js'
import { LedgerService } from '../../../src/systems/rewards/wallet/ledger-service.js'
import { WalletService } from '../../../src/systems/rewards/wallet/wallet-service.js'
import { newPlace } from './rewards-room.js'

type Report =
  | { readonly kind: 'notified' | 'tracked'; readonly id: string }
  | { readonly kind: 'answered'; readonly ids: readonly string[] }

const crowd = { users: 50, models: 8 } as const
const kills = 2
const leaseMs = 1_000
/** How long nothing may move. */
const limitMs = 30_000

test('two services ask the same of the same wallets, and are killed again and again: no point and no event is missing', {
  timeout: 180_000,
}, async () => {
  const place = await newPlace()
  const redis = { url: (await findServer('redis')).url, prefix: `rewards-${randomUUID()}` }
  const orders = JSON.stringify({ place, broker: { type: 'redis', redis: { ...redis, claimIdleMs: leaseMs } }, crowd, leaseMs })
  const notified = new Set<string>()
  const tracked = new Set<string>()
  const answers: (readonly string[])[] = []
  let services: ChildProcess[] = []
  let gone: Promise<unknown> = Promise.resolve()
  const start = (): void => {
    const { NODE_OPTIONS: _ours, ...env } = process.env
    const module = fileURLToPath(new URL('./rewards-process.mjs', import.meta.url))
    services = ['one', 'other'].map(() => fork(module, [orders], { execArgv: [], env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }))
    gone = Promise.all(services.map((service) => new Promise((resolve) => service.once('close', resolve))))
    for (const service of services) {
      service.on('message', (report: Report) => {
        if (report.kind === 'answered') answers.push(report.ids)
        else (report.kind === 'notified' ? notified : tracked).add(report.id)
      })
    }
  }
  const kill = async (): Promise<void> => {
    for (const service of services) service.kill('SIGKILL')
    await gone
  }

  const database = await openDatabase(place)
  try {
    await new WalletService(new LedgerService(database)).openWallets(userIds(crowd), openingPoints)
    const sound = { total: crowd.users * openingPoints, differing: [], unheld: [] }
    const recorded = async (): Promise<number> => (await audit(database.query)).operations.length
    let left = 0
    for (let number = 0; number < kills; number++) {
      const enough = (await recorded()) + 60
      start()
      await waitFor(async () => (await recorded()) >= enough, { what: 'some operations', progress: () => tracked.size, limitMs })
      await kill()
      expect(await audit(database.query)).toMatchObject(sound)
      // committed, and not known to be on the broker
      left += (await database.query('SELECT 1 FROM interline_outbox')).length
    }
    start()
    await waitFor(() => answers.length === 2, { what: 'every answer', progress: () => tracked.size, limitMs })
    const { operations, ...sums } = await audit(database.query)
    const all = operations.map(({ transactionId }) => transactionId).sort()
    const earning = operations.filter(({ operation }) => earningOperations.has(operation))
    const feed = new ActivityFeedService(database.query)
    await waitFor(
      async () => {
        const entries = await feed.transactionIds()
        return [entries.length, tracked.size].every((count) => count >= all.length) && notified.size >= earning.length
      },
      { what: 'every event', progress: () => tracked.size, limitMs },
    )

    expect(sums).toEqual(sound)
    expect(left).toBeGreaterThan(0)
    for (const ids of answers) expect(all).toEqual(expect.arrayContaining([...ids]))
    expect([...(await feed.transactionIds())].sort()).toEqual(all)
    expect([...tracked].sort()).toEqual(all)
    expect([...notified].sort()).toEqual(earning.map(({ transactionId }) => transactionId).sort())
  } finally {
    await kill()
    await database[Symbol.asyncDispose]()
    await removeSchema(place)
    await removeKeys(redis)
  }
})
