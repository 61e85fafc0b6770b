import { toError } from '../errors.js'
import type { Abortable } from '../ports/abortable.js'
import type { ComponentHealth, HealthReport } from '../ports/health.js'
import { answered } from './answered.js'
import type { BusParts } from './bus-parts.js'
import type { Side } from './side.js'

type Status = HealthReport['status']
type Check = readonly [name: string, found: Promise<ComponentHealth | undefined>]

/** When a bus warns, and how long it waits for an answer. */
export interface HealthOptions {
  /** How long a server may take to answer before it counts as failed. Default 2 s. */
  readonly timeoutMs?: number | undefined
  /** Messages that the groups of this process may be behind. Default 1,000. */
  readonly maxLag?: number | undefined
  /** Default 0. */
  readonly maxDeadLetters?: number | undefined
  /** How long an event may wait in the store before it is on the broker. Default 30 s. */
  readonly maxForwardingMs?: number | undefined
}

const defaults = { timeoutMs: 2_000, maxLag: 1_000, maxDeadLetters: 0, maxForwardingMs: 30_000 } as const

export function healthSettings(options: HealthOptions = {}): BusParts['health'] {
  return {
    timeoutMs: options.timeoutMs ?? defaults.timeoutMs,
    maxLag: options.maxLag ?? defaults.maxLag,
    maxDeadLetters: options.maxDeadLetters ?? defaults.maxDeadLetters,
    maxForwardingMs: options.maxForwardingMs ?? defaults.maxForwardingMs,
  }
}

/**
 * How a bus and what it stands on are, in the terms of `application/health+json`. Each part is asked at the same time as the others, and
 * one that does not answer has failed. What only waits to be handled warns.
 */
export async function healthOf(parts: BusParts, options: Abortable = {}): Promise<HealthReport> {
  const { sides, store, outbox, clock } = parts
  const running: Check[] = [['bus:state', Promise.resolve(stateOf(parts))]]
  for (const side of sides) running.push(...checksOf(side, parts, options))
  if (store !== undefined) {
    running.push([
      `${store.name}:store`,
      orFailed(
        answered(parts, (asked) => store.health(asked), options),
        'fail',
      ),
    ])
    running.push([`${store.name}:forwarding`, orFailed(forwarding(parts, options), 'warn')])
  }
  if (outbox !== undefined) {
    running.push([
      `${outbox.name}:outbox`,
      orFailed(
        answered(parts, (asked) => outbox.health(asked), options),
        'fail',
      ),
    ])
  }
  const checks: Record<string, (ComponentHealth & { time: string })[]> = {}
  for (const [name, found] of running) {
    const health = await found
    if (health === undefined) continue
    const measured = (checks[name] ??= [])
    measured.push({ ...health, time: new Date(clock.now()).toISOString() })
  }
  const statuses = new Set<Status>(Object.values(checks).flatMap((list) => list.map(({ status }) => status)))
  return { status: statuses.has('fail') ? 'fail' : statuses.has('warn') ? 'warn' : 'pass', checks }
}

function stateOf({ state }: BusParts): ComponentHealth {
  if (state === 'open') return { status: 'pass', observedValue: state }
  const output = state === 'closing' ? 'The bus is closing or closed.' : 'The bus has not started.'
  return { status: 'fail', observedValue: state, output }
}

function checksOf(side: Side, parts: BusParts, options: Abortable): readonly Check[] {
  const { name } = side.broker
  const connection = orFailed(
    answered(parts, (asked) => side.broker.health(asked), options),
    'fail',
  )
  const unsettled = Promise.resolve({ status: 'pass', observedValue: side.inHand, observedUnit: 'messages' } as const)
  if (parts.state !== 'open') return [[`${name}:connection`, connection]]
  return [
    [`${name}:connection`, connection],
    [`${name}:unsettled`, unsettled],
    [`${name}:lag`, orFailed(lag(side, parts, options), 'warn')],
    [`${name}:dead-letters`, orFailed(deadLetters(side, parts, options), 'warn')],
  ]
}

async function lag(side: Side, parts: BusParts, options: Abortable): Promise<ComponentHealth> {
  const { lag: behind, state } = await answered(parts, (asked) => side.broker.getMetrics(asked), options)
  const observed = { observedValue: behind, observedUnit: 'messages' }
  const { maxLag } = parts.health
  if (state === 'down') return { status: 'warn', output: 'Not known at present; this was known last.', ...observed }
  if (behind <= maxLag) return { status: 'pass', ...observed }
  return { status: 'warn', output: `${behind} messages have not been handled, more than ${maxLag}.`, ...observed }
}

async function deadLetters(side: Side, parts: BusParts, options: Abortable): Promise<ComponentHealth | undefined> {
  const { store } = side.deadLetterPlace()
  if (store === undefined) return undefined
  const count = await answered(parts, (asked) => store.count({}, asked), options)
  const observed = { observedValue: count, observedUnit: 'messages' }
  const { maxDeadLetters } = parts.health
  if (count <= maxDeadLetters) return { status: 'pass', ...observed }
  return { status: 'warn', output: `Dead letters wait to be redriven or discarded: ${count}.`, ...observed }
}

async function forwarding(parts: BusParts, options: Abortable): Promise<ComponentHealth | undefined> {
  const { forwarder, clock, state } = parts
  if (forwarder === undefined || state !== 'open') return undefined
  const { oldestAt } = await answered(parts, (asked) => forwarder.backlog(1, asked), options)
  const ageMs = oldestAt === undefined ? 0 : Math.max(0, clock.now() - oldestAt)
  const observed = { observedValue: ageMs / 1_000, observedUnit: 's' }
  const { maxForwardingMs } = parts.health
  if (ageMs <= maxForwardingMs) return { status: 'pass', ...observed }
  return { status: 'warn', output: `An event waits in the store for ${Math.round(ageMs / 1_000)} s to be forwarded.`, ...observed }
}

function orFailed(found: Promise<ComponentHealth | undefined>, status: 'fail' | 'warn'): Promise<ComponentHealth | undefined> {
  return found.catch((thrown: unknown) => ({ status, output: toError(thrown).message }))
}
