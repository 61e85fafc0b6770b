import type { Abortable } from '../ports/abortable.js'
import type { Gauge } from '../ports/instrumentation.js'
import { answered } from './answered.js'
import type { BusParts } from './bus-parts.js'
import type { Side } from './side.js'

/** More than this of a backlog is not counted. */
const countedUpTo = 10_000

/** What goes up and down in a bus, asked of its servers all at once. What can't be told now is left out. */
export async function gaugesOf(parts: BusParts, options: Abortable = {}): Promise<readonly Gauge[]> {
  if (parts.state !== 'open') return []
  const asked = parts.sides.flatMap((side) => [connection(side, parts, options), lags(side, parts, options), letters(side, parts, options)])
  const found = await Promise.allSettled([...asked, stored(parts, options), unforwarded(parts, options), inOutbox(parts, options)])
  return found.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
}

async function connection(side: Side, parts: BusParts, options: Abortable): Promise<readonly Gauge[]> {
  const component = side.broker.name
  const unsettled: Gauge = { kind: 'unsettled', component, value: side.inHand }
  const value = await answered(parts, (asked) => side.broker.health(asked), options).then(
    ({ status }) => (status === 'fail' ? 0 : 1),
    () => 0,
  )
  return [{ kind: 'connected', component, value }, unsettled]
}

/** By group and destination where the broker can tell, and of the groups of this process only. */
async function lags({ broker, consumers }: Side, parts: BusParts, options: Abortable): Promise<readonly Gauge[]> {
  const { name: component, inner } = broker
  const own = new Set(consumers.all.filter(({ engine }) => !engine.broadcast).map(({ group, destination }) => `${group}\n${destination}`))
  if (inner.listGroups === undefined || own.size === 0) {
    const { lag, delayed, state } = await answered(parts, (asked) => broker.getMetrics(asked), options)
    if (state === 'down') return []
    return [
      { kind: 'lag', component, value: lag },
      { kind: 'delayed', component, value: delayed },
    ]
  }
  const groups = await answered(parts, async (asked) => inner.listGroups?.(asked) ?? [], options)
  return groups
    .filter(({ group, destination }) => own.has(`${group}\n${destination}`))
    .flatMap(({ group, destination, lag, delayed }): Gauge[] => [
      { kind: 'lag', component, group, destination, value: lag },
      { kind: 'delayed', component, group, destination, value: delayed },
    ])
}

async function letters(side: Side, parts: BusParts, options: Abortable): Promise<readonly Gauge[]> {
  const { store } = side.deadLetterPlace()
  if (store === undefined) return []
  const value = await answered(parts, (asked) => store.count({}, asked), options)
  return [{ kind: 'dead-letters', component: side.broker.name, value }]
}

async function stored(parts: BusParts, options: Abortable): Promise<readonly Gauge[]> {
  const { store } = parts
  if (store === undefined) return []
  const { observedValue, observedUnit } = await answered(parts, (asked) => store.health(asked), options)
  // a store that does not count its events says about how many there are
  const counts = observedUnit === 'events' && typeof observedValue === 'number'
  const value = counts ? observedValue : await answered(parts, (asked) => store.countAfter(undefined, asked), options)
  return [{ kind: 'stored', component: store.name, value }]
}

async function unforwarded(parts: BusParts, options: Abortable): Promise<readonly Gauge[]> {
  const { store, forwarder, clock } = parts
  if (store === undefined || forwarder === undefined) return []
  const component = store.name
  const { size, oldestAt } = await answered(parts, (asked) => forwarder.backlog(countedUpTo, asked), options)
  const ageMs = oldestAt === undefined ? 0 : Math.max(0, clock.now() - oldestAt)
  return [
    { kind: 'unforwarded', component, value: size },
    { kind: 'unforwarded-age', component, value: ageMs },
  ]
}

async function inOutbox(parts: BusParts, options: Abortable): Promise<readonly Gauge[]> {
  const { outbox } = parts
  if (outbox?.getMetrics === undefined) return []
  const { size, oldestAgeMs } = await answered(parts, async (asked) => outbox.getMetrics?.(asked) ?? { size: 0, oldestAgeMs: 0 }, options)
  return [
    { kind: 'unforwarded', component: outbox.name, value: size },
    { kind: 'unforwarded-age', component: outbox.name, value: oldestAgeMs },
  ]
}
