import { EventReplayService, SagaManager, SnapshotService } from '@interline/domain'
import { getBusMetricsToken, IEventBus } from '@interline/nestjs'
import type { BusMetrics } from '@interline/telemetry'
import type { INestApplication } from '@nestjs/common'
import { check } from '../../report/check.js'
import type { SystemReport } from '../system.js'
import { auditChecks } from './checks/audit-checks.js'
import { endpointChecks } from './checks/endpoint-checks.js'
import { historyChecks } from './checks/history-checks.js'
import { scoringChecks } from './checks/scoring-checks.js'
import { undeliverable } from './checks/undeliverable.js'
import type { Course } from './course.js'
import { AnalystAlerts } from './handlers/analyst-alerts.js'
import { ResultBoard } from './handlers/result-board.js'
import type { Plan } from './plan.js'
import { Repositories } from './repositories.js'
import type { Settings } from './settings.js'

interface Run {
  readonly plan: Plan
  readonly course: Course
  readonly settings: Settings
}

/** Looks at what is there after the course, from the store to the endpoints. */
export async function reportOf(app: INestApplication, { plan, course, settings }: Run): Promise<SystemReport> {
  const bus = app.get(IEventBus)
  const repositories = app.get(Repositories)
  const sagas = app.get(SagaManager)
  const store = bus.getStore()
  const { retry, deadLetter } = settings.bus
  const metrics = app.get<BusMetrics | undefined>(getBusMetricsToken())
  await metrics?.collect()

  let storedEvents = 0
  for await (const _ of store.readAll()) storedEvents++
  const { existing, toScore } = plan
  const [first, again] = course.imported
  const importedIds = new Set(existing.map(({ id }) => id))
  const checks = [
    ...(await scoringChecks({ months: toScore, existing, sagas, repositories })),
    check(
      `${existing.length} results of before are two events each, also after a second import`,
      first === 2 * existing.length && again === first,
      `${first} events, then ${again}`,
    ),
    ...(await historyChecks({
      store,
      repositories,
      importedIds,
      replay: app.get(EventReplayService),
      snapshots: app.get(SnapshotService),
      board: app.get(ResultBoard),
    })),
    ...(await auditChecks(store, course.addresses)),
    ...(await endpointChecks(await app.getUrl(), {
      failed: await undeliverable(store),
      keepsDeadLetters: deadLetter?.enabled !== false,
      storedEvents,
      maxAttempts: retry?.maxAttempts ?? 1,
      monitored: metrics !== undefined,
    })),
  ]
  const { sent } = app.get(AnalystAlerts)
  return {
    figures: {
      completed: await sagas.count({ status: 'completed' }),
      compensated: await sagas.count({ status: 'compensated' }),
      imported: existing.length,
      'price updates': plan.months.reduce((sum, { days }) => sum + days.length, 0),
      'events stored': storedEvents,
      alerts: [...sent.values()].reduce((sum, ids) => sum + ids.size, 0),
      'dead letters': await bus.deadLetters.count(),
    },
    checks,
  }
}
