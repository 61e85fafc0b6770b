import assert from 'node:assert/strict'
import type { BrokerCapabilities } from '@interline/core'
import { report } from '../runner/report.js'
import { runnerOrGlobal } from '../runner/test-runner.js'
import { within } from '../waiting/wait-for.js'
import type { BrokerCase, Means } from './broker-case.js'
import { brokerCases } from './broker-cases.js'
import type { Limits, Scale, TestBrokerOptions } from './broker-options.js'
import { Room } from './room.js'

const defaultLimits: Readonly<Record<Scale, Limits>> = {
  tiny: { gapMs: 500, caseMs: 10_000 },
  short: { gapMs: 10_000, caseMs: 60_000 },
  full: { gapMs: 20_000, caseMs: 300_000 },
}

/**
 * Registers the contract's cases for one configuration of a broker. What a capability excludes is replaced by its opposite; what the
 * configuration has no means for fails, unless `leaveOut` gives the reason.
 */
export function testBroker(name: string, options: TestBrokerOptions): void {
  registerCases(name, options, { suite: 'broker', cases: brokerCases, room: (...settings) => new Room(...settings) })
}

export interface Suite<R extends Room> {
  /** Its name in the report. */
  readonly suite: string
  readonly cases: readonly BrokerCase<R>[]
  readonly room: (options: TestBrokerOptions, scale: Scale, limits: Limits) => R
}

export function registerCases<R extends Room>(name: string, options: TestBrokerOptions, { suite, cases, room: makeRoom }: Suite<R>): void {
  const runner = runnerOrGlobal(options.runner)
  const scale = scaleOf(options)
  const limits = { ...defaultLimits[scale], ...options.limits }
  const { capabilities, parking } = options.create('it-capabilities')
  const hasStores = options.deadLetterStore !== undefined
  const together = hasStores ? { ...capabilities, deadLetters: 'browse' as const } : capabilities
  const about = { suite, configuration: name }
  runner.describe(name, () => {
    report({ kind: 'configuration', ...about, capabilities })
    runner.it('B00 capabilities: the broker says what it can do, as expected', async () =>
      checkCapabilities(capabilities, options.capabilities),
    )
    for (const each of cases) {
      const { id } = each
      const reason = options.leaveOut?.[id]
      if (reason !== undefined && isLeftOut(each, options)) {
        report({ kind: 'case', ...about, id, title: each.title, outcome: 'left-out', reason })
        continue
      }
      if (capabilities.local && each.hooks !== undefined) continue
      // another process has no part in a store of this one
      const isAlone = each.hooks?.includes('processes') !== true
      const means = { parking: parking !== undefined || (isAlone && hasStores) }
      const plan = planOf(each, isAlone ? together : capabilities, means, options)
      if (plan === undefined) continue
      const { title, outcome, run } = plan
      runner.it(
        `${id} ${title}`,
        async () => {
          try {
            const room = makeRoom(options, scale, limits)
            await closing(room, () => within(run(room), limits.caseMs, `The case ${id}`))
            report({ kind: 'case', ...about, id, title, outcome })
          } catch (error) {
            report({ kind: 'case', ...about, id, title, outcome: 'failed' })
            throw error
          }
        },
        limits.caseMs * 2,
      )
    }
  })
}

/** What was asked for, else what the environment says. */
export function scaleOf({ scale }: { readonly scale?: Scale | undefined }): Scale {
  return scale ?? (process.env.INTERLINE_TEST_SCALE === 'full' ? 'full' : 'short')
}

async function closing(room: Room, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    // what goes wrong from here on follows from it
    await room.close().catch(() => undefined)
    throw error
  }
  await room.close()
}

/** Where an id has cases that need means and cases that need none, only the former can be left out for want of them. */
function isLeftOut<R extends Room>(each: BrokerCase<R>, options: TestBrokerOptions): boolean {
  const needsMeans = brokerCases.some(({ id, hooks }) => id === each.id && hooks !== undefined)
  return needsMeans ? missingHooks(each, options).length > 0 : true
}

function missingHooks<R extends Room>(each: BrokerCase<R>, options: TestBrokerOptions): readonly (keyof TestBrokerOptions)[] {
  return each.hooks?.filter((hook) => options[hook] === undefined) ?? []
}

interface Plan<R extends Room> {
  readonly title: string
  readonly outcome: 'passed' | 'refused'
  run(room: R): Promise<void>
}

function planOf<R extends Room>(
  each: BrokerCase<R>,
  capabilities: BrokerCapabilities,
  means: Means,
  options: TestBrokerOptions,
): Plan<R> | undefined {
  if (each.needs !== undefined && !each.needs(capabilities, means))
    return each.refused === undefined ? undefined : { ...each.refused, outcome: 'refused' }
  const missing = missingHooks(each, options)
  if (missing.length === 0) return { title: each.title, outcome: 'passed', run: (room) => each.run(room) }
  const message = `${each.id} needs ${missing.map((hook) => `the option "${hook}"`).join(' and ')}. Give it, or say why not: leaveOut: { ${each.id}: '…' }.`
  return { title: each.title, outcome: 'passed', run: () => Promise.reject(new Error(message)) }
}

function checkCapabilities(actual: BrokerCapabilities, expected: Partial<BrokerCapabilities> = {}): void {
  const asExpected = Object.fromEntries(Object.keys(expected).map((key) => [key, actual[key as keyof BrokerCapabilities]]))
  assert.deepEqual(asExpected, expected)
  // every one that has to be answered; `groups` may be left out
  const names = Object.keys({
    durable: 0,
    local: 0,
    order: 0,
    replay: 0,
    retry: 0,
    delayedDelivery: 0,
    patterns: 0,
    priority: 0,
    broadcast: 0,
    crashCounted: 0,
    deadLetters: 0,
    deadLetterAddress: 0,
    dedup: 0,
    maxMessageBytes: 0,
  } satisfies Record<Exclude<keyof BrokerCapabilities, 'groups'>, 0>)
  for (const name of names) assert.ok(name in actual, `capabilities.${name} is not answered`)
  assert.ok(actual.maxMessageBytes > 0, 'maxMessageBytes must be a number of bytes')
}
