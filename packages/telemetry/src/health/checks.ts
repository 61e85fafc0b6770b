import type { Awaitable, ComponentHealth, SagaFilter } from '@interline/core'

/** What a pool of `pg` says of itself. */
export interface WatchedPool {
  readonly totalCount: number
  readonly idleCount: number
  readonly waitingCount: number
}

type Check = () => Awaitable<ComponentHealth>

/** Warns where more than so many wait for a connection. Default 10. */
export function poolCheck(pool: WatchedPool, { maxWaiting = 10 }: { readonly maxWaiting?: number | undefined } = {}): Check {
  return () => {
    const { totalCount, idleCount, waitingCount } = pool
    const observed = { observedValue: totalCount - idleCount, observedUnit: 'connections in use' }
    if (waitingCount <= maxWaiting) return { status: 'pass', ...observed }
    return { status: 'warn', output: `${waitingCount} wait for a connection, more than ${maxWaiting}.`, ...observed }
  }
}

/** Warns where the database takes longer than this for the least of questions: `() => pool.query('SELECT 1')`. Default 500 ms. */
export function queryCheck(query: () => Promise<unknown>, { maxMs = 500 }: { readonly maxMs?: number | undefined } = {}): Check {
  return async () => {
    const began = performance.now()
    await query()
    const tookMs = performance.now() - began
    const observed = { observedValue: tookMs, observedUnit: 'ms' }
    return tookMs <= maxMs ? { status: 'pass', ...observed } : { status: 'warn', output: `It took longer than ${maxMs} ms.`, ...observed }
  }
}

interface CountedRows {
  readonly rows: readonly { readonly waiting: unknown }[]
}

const waitingForLocks = `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`

/** Warns where statements wait for locks of PostgreSQL, in whichever process: `(text) => pool.query(text)`. Default: more than 5. */
export function locksCheck(
  query: (text: string) => Promise<CountedRows>,
  { maxWaiting = 5 }: { readonly maxWaiting?: number | undefined } = {},
): Check {
  return async () => {
    const waiting = Number((await query(waitingForLocks)).rows[0]?.waiting)
    const observed = { observedValue: waiting, observedUnit: 'statements that wait' }
    return waiting <= maxWaiting
      ? { status: 'pass', ...observed }
      : { status: 'warn', output: `${waiting} statements wait for a lock, more than ${maxWaiting}.`, ...observed }
  }
}

/** What counts sagas: a `SagaManager`, or its store. */
export interface CountedSagas {
  count(filter?: SagaFilter): Awaitable<number>
}

/** Tells how many sagas are under way, and warns of those that are parked: nobody goes on with them but a person. */
export function sagasCheck(sagas: CountedSagas): Check {
  return async () => {
    const [running, compensating, parked] = await Promise.all(
      (['running', 'compensating', 'parked'] as const).map((status) => sagas.count({ status })),
    )
    const observed = { observedValue: (running ?? 0) + (compensating ?? 0), observedUnit: 'sagas under way' }
    return parked === 0
      ? { status: 'pass', ...observed }
      : { status: 'warn', output: `${parked} sagas are parked: resume or cancel them.`, ...observed }
  }
}
