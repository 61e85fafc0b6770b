import { setTimeout as pause } from 'node:timers/promises'
import type { System, SystemReport, World } from '../system.js'
import { audit, staleIn, totalOf } from './audit.js'
import { counted, createRewardsBus, rewardsMetrics } from './bus.js'
import { checksOf, type Outcome } from './checks.js'
import { openDatabase } from './database.js'
import { subscribeEveryone } from './subscribers/everyone.js'
import { openingPoints, sendTraffic, userIds } from './traffic.js'
import { LedgerService } from './wallet/ledger-service.js'
import { WalletService } from './wallet/wallet-service.js'

/** 1,000 requests; 400 where the database is in this process, which does one thing after the other. */
const crowds = { server: { users: 125, models: 20 }, embedded: { users: 50, models: 8 } } as const
/** For how long events may stay away before they count as lost. */
const patienceMs = 20_000
const lookEveryMs = 20

export const system: System = { title: 'wallets from which no point gets lost', run }

async function run(world: World): Promise<SystemReport> {
  const place = world.database().postgres
  const crowd = 'url' in place ? crowds.server : crowds.embedded
  await using database = await openDatabase(place)
  const metrics = rewardsMetrics()
  await using bus = createRewardsBus(world.broker(), database.outbox, metrics)
  const everyone = await subscribeEveryone(bus, database)
  await bus.start()

  const wallets = new WalletService(new LedgerService(database), { maxRetryAttempts: 3, retryBackoffMs: 100, defaultCurrency: 'points' })
  await wallets.openWallets(userIds(crowd), openingPoints)
  const totalBefore = await totalOf(database.query)
  const traffic = await sendTraffic(wallets, crowd)

  const outcome = async (): Promise<Outcome> => ({
    totalBefore,
    traffic,
    audit: await audit(database.query),
    seen: await everyone.seen(),
    staleBalances: await staleIn(everyone.cache, database.query),
  })
  const until = performance.now() + patienceMs
  while (!(await addsUp(outcome)) && performance.now() < until && !world.interrupted.aborted) await pause(lookEveryMs)
  // whatever would come twice has come by then
  await bus.idle()
  return {
    figures: {
      requests: traffic.requests,
      committed: traffic.done.size,
      refused: traffic.refused,
      'sent twice': traffic.repeated,
      'lock conflicts': wallets.lockConflicts,
      'given up': traffic.gaveUp,
      events: counted(metrics, 'WALLET_EVENT_PUBLISHED'),
      points: totalBefore,
    },
    checks: checksOf(await outcome()),
  }
}

async function addsUp(outcome: () => Promise<Outcome>): Promise<boolean> {
  return checksOf(await outcome()).every(({ holds }) => holds)
}
