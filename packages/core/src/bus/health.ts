import type { Abortable } from '../ports/abortable.js'
import type { IClock } from '../ports/clock.js'
import type { IEventStore } from '../ports/event-store.js'
import type { ComponentHealth, HealthReport } from '../ports/health.js'
import type { Side } from './side.js'

type Status = HealthReport['status']

/** How a bus and what it stands on are, in the terms of `application/health+json`. */
export async function healthOf(
  sides: readonly Side[],
  store: IEventStore | undefined,
  clock: IClock,
  options?: Abortable,
): Promise<HealthReport> {
  const time = new Date(clock.now()).toISOString()
  const checks: Record<string, (ComponentHealth & { time: string })[]> = {}
  for (const side of sides) {
    checks[`${side.broker.name}:connection`] = [{ ...(await side.broker.health(options)), time }]
    checks[`${side.broker.name}:unsettled`] = [{ status: 'pass', observedValue: side.inHand, observedUnit: 'messages', time }]
  }
  if (store !== undefined) checks[`${store.name}:store`] = [{ ...(await store.health(options)), time }]
  const found = new Set<Status>(Object.values(checks).flatMap((list) => list.map(({ status }) => status)))
  return { status: found.has('fail') ? 'fail' : found.has('warn') ? 'warn' : 'pass', checks }
}
