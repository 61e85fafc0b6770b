import { SagaManager } from '@interline/domain'
import { IEventBus } from '@interline/nestjs'
import type { INestApplicationContext } from '@nestjs/common'
import { AccessDesk } from './access-desk.js'
import { AIScoringSaga } from './ai-scoring-saga.js'
import { type ExistingResult, importResults } from './existing-results.js'
import { symbol, type TradingMonth } from './market/trading-days.js'
import { analystOf, analysts, type Plan, resultIdOf } from './plan.js'
import { Repositories } from './repositories.js'

/** Until every event is handled, retries included: what takes longer is stuck. */
const patienceMs = 60_000

/** What came of it that is not in the store. */
export interface Course {
  /** Where people came from, which nobody is to read. */
  readonly addresses: readonly string[]
  /** Events there are of the imported results: after the first import, and after another one. */
  readonly imported: readonly [number, number]
}

/** Analysts come in, prices arrive, what existed is imported, and every other month is scored. */
export async function runCourse(
  app: INestApplicationContext,
  { existing, months, toScore }: Plan,
  interrupted: AbortSignal,
): Promise<Course> {
  const addresses = await letIn(app.get(AccessDesk))
  const versions = await feedPrices(app.get(Repositories), months)
  const imported = [await importAndCount(app, existing), await importAndCount(app, existing)] as const
  await scoreAll(app, toScore, versions)
  await app.get(IEventBus).idle({ signal: AbortSignal.any([interrupted, AbortSignal.timeout(patienceMs)]) })
  return { addresses, imported }
}

async function letIn(desk: AccessDesk): Promise<readonly string[]> {
  const addresses: string[] = []
  for (const [index, userId] of analysts.entries()) {
    const token = crypto.randomUUID()
    const address = `192.0.2.${index + 1}`
    desk.admit(userId, token)
    await desk.authenticate(userId, token, address)
    addresses.push(address)
  }
  return addresses
}

/** A month at a time. Answers the feed's version at the end of each. */
async function feedPrices({ feeds }: Repositories, months: readonly TradingMonth[]): Promise<ReadonlyMap<string, number>> {
  const versions = new Map<string, number>()
  for (const { month, days } of months) {
    const version = await feeds.update(symbol, (feed) => {
      feed.execute(days)
      return feed.version
    })
    versions.set(month, version)
  }
  return versions
}

async function importAndCount(app: INestApplicationContext, rows: readonly ExistingResult[]): Promise<number> {
  const store = app.get(IEventBus).getStore()
  await importResults(rows, store)
  let count = 0
  for await (const { forward } of store.readAll({ aggregateType: 'ai-result' })) if (!forward) count++
  return count
}

/** Starts every saga, and waits for their ends. */
async function scoreAll(
  app: INestApplicationContext,
  months: readonly TradingMonth[],
  versions: ReadonlyMap<string, number>,
): Promise<void> {
  const sagas = app.get(SagaManager)
  for (const [index, { month }] of months.entries()) {
    const data = { symbol, month, requestedBy: analystOf(index), feedVersion: versions.get(month) ?? 0 }
    await sagas.startSaga(new AIScoringSaga(resultIdOf(month), data, app.get(Repositories)))
  }
  await sagas.idle()
}
