import { isDeepStrictEqual } from 'node:util'
import type { BrokerMetrics, RecordedEvent } from 'interline'
import { type Check, check } from '../../../report/check.js'
import type { SecurityLog } from '../handlers/security-audit-handler.js'
import { correlates } from './correlation.js'
import { type Outcome, outcomesOf } from './outcome.js'
import type { Performed } from './performance.js'
import { idOf, same, typeOf } from './recorded.js'
import { leaksIn } from './secrets.js'

/** All that is left of a day. */
export interface Evidence {
  readonly lanes: readonly (readonly Performed[])[]
  /** What the store has. */
  readonly recorded: readonly RecordedEvent[]
  /** What the audit has. */
  readonly logs: readonly SecurityLog[]
  /** Events that came to the audit more than once. */
  readonly repeated: number
  /** Ids of events that the desk has seen. */
  readonly seen: readonly string[]
  readonly metrics: BrokerMetrics
  /** Every line and error of the day. */
  readonly lines: readonly string[]
  readonly secrets: ReadonlySet<string>
}

const critical = ['AccountLocked', 'SuspiciousActivityDetected']

export function checksOf(evidence: Evidence): readonly Check[] {
  const { lanes, recorded, logs, repeated, seen, metrics, lines, secrets } = evidence
  const story = lanes.map(outcomesOf)
  const outcomes = story.flat()
  const ids = recorded.map(idOf)
  const criticalIds = recorded.filter((event) => critical.includes(typeOf(event))).map(idOf)
  const differing = outcomes.filter(({ performed, expected }) => !isDeepStrictEqual(performed.answers, expected.answers))
  const expectedEvents = outcomes.flatMap(({ expected }) => expected.events)
  const eventIds = logs.map(({ eventId }) => eventId)
  const requests = outcomes.reduce((sum, { performed }) => sum + performed.answers.length, 0)
  const leaks = leaksIn([...recorded.map((event) => JSON.stringify(event.message)), JSON.stringify(logs), ...lines], secrets)
  return [
    check(`${requests} requests are answered as the script foretells`, differing.length === 0, differing.slice(0, 3).map(told).join('; ')),
    check(
      'the events are those that the script foretells',
      same(recorded.map(typeOf), expectedEvents),
      `${recorded.length} of ${expectedEvents.length}`,
    ),
    ...critical.map((type) => accountsCheck(type, story, logs)),
    check(
      'every event is audited once, though critical ones take both ways',
      repeated === 0 && same(eventIds, ids),
      `${eventIds.length} of ${ids.length}, ${repeated} more than once`,
    ),
    check(
      'critical events are seen by the desk of this process, each once',
      same(seen, criticalIds),
      `${seen.length} of ${criticalIds.length}`,
    ),
    check('the broker was given every event once', metrics.published === ids.length, `${metrics.published} of ${ids.length}`),
    check('the events of a login, and no others, have its correlation id', correlates(story, recorded), 'some have not'),
    check('no password, hash or token is in an event, a line or an error', leaks.length === 0, leaks.slice(0, 3).join(', ')),
  ]
}

/** The accounts that an event happened to, by the audit and by the script. Addresses that nobody has are known by pseudonyms, and counted. */
function accountsCheck(type: string, story: readonly (readonly Outcome[])[], logs: readonly SecurityLog[]): Check {
  const foretold = story.filter((lane) => lane.some(({ expected }) => expected.events.includes(type)))
  const known = foretold.flatMap(([first]) => first?.performed.step.person?.userId ?? [])
  const found = [...new Set(logs.filter(({ eventType }) => eventType === type).map(({ userId }) => userId))]
  const named = found.filter((userId) => !userId.startsWith('unknown-'))
  const holds = found.length === foretold.length && same(named, known)
  return check(`${type}: ${foretold.length} accounts, those of the script`, holds, `there were ${found.length}`)
}

function told({ performed, expected }: Outcome): string {
  const { email, kind } = performed.step
  return `${kind} of ${email}: ${performed.answers.join(', ')} instead of ${expected.answers.join(', ')}`
}
