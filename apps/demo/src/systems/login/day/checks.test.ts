import { createTestEventBus, EventHandlerRegistry, type RecordedEvent } from 'interline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { problemsOf } from '../../../report/check.js'
import { PasswordHasher } from '../account/password-hasher.js'
import { Sessions } from '../account/sessions.js'
import { SecurityAuditHandler } from '../handlers/security-audit-handler.js'
import { SecurityDesk } from '../handlers/security-desk.js'
import { LoginUseCaseWithEvents } from '../login-use-case.js'
import { SessionUseCaseWithEvents } from '../session-use-case.js'
import { castRepository } from './cast.js'
import { checksOf, type Evidence } from './checks.js'
import { perform } from './performance.js'
import { scriptOf } from './script.js'
import { leaksIn } from './secrets.js'

let evidence: Evidence

/** A day of twenty people, with one of every incident. */
beforeAll(async () => {
  await using bus = await createTestEventBus()
  const hasher = new PasswordHasher({ cost: 16, blockSize: 8, parallelization: 1 })
  const sessions = new Sessions()
  const { cast, lanes } = scriptOf(20)
  const { repository, secrets } = await castRepository(cast, hasher)
  const desk = new SecurityDesk(sessions, () => undefined)
  const audit = new SecurityAuditHandler()
  const logins = new LoginUseCaseWithEvents(repository, bus, { hasher, sessions })
  const visits = new SessionUseCaseWithEvents(repository, bus, sessions)
  const performed = await perform(lanes, { logins, visits, interrupted: new AbortController().signal })
  await bus.idle()
  const recorded: RecordedEvent[] = []
  for await (const event of bus.getStore().readAll()) recorded.push(event)
  const metrics = await bus.getBroker().getMetrics()
  const all = new Set([...secrets, ...performed.secrets])
  evidence = {
    lanes: performed.lanes,
    recorded,
    logs: audit.getSecurityLogs(),
    repeated: audit.repeated,
    seen: desk.seen,
    metrics,
    lines: [],
    secrets: all,
  }
})
afterAll(() => EventHandlerRegistry.getInstance().clear())

/** The first words of what does not hold, but for numbers. */
const problems = (changed: Partial<Evidence>): readonly string[] =>
  problemsOf(checksOf({ ...evidence, ...changed })).map((problem) => problem.replace(/\d+ /, '').split(' ').slice(0, 3).join(' '))

test('a day without fault has no problem', () => {
  expect(problems({})).toEqual([])
})

test.each<[string, () => Partial<Evidence>, readonly string[]]>([
  ['an event that is not audited', () => ({ logs: evidence.logs.slice(1) }), ['every event is']],
  ['an event that is audited twice', () => ({ repeated: 1 }), ['every event is']],
  ['a critical event that is seen twice', () => ({ seen: [...evidence.seen, ...evidence.seen.slice(0, 1)] }), ['critical events are']],
  ['a critical event that is not seen', () => ({ seen: evidence.seen.slice(1) }), ['critical events are']],
  ['an event that the broker got twice', () => ({ metrics: { ...evidence.metrics, published: 1 } }), ['the broker was']],
  ['a line with a password', () => ({ lines: [`tried ${evidence.lanes[0]?.[0]?.step.password}`] }), ['no password, hash']],
  [
    'an answer that the script does not foretell',
    () => ({ lanes: evidence.lanes.map((lane) => lane.map((each) => ({ ...each, answers: ['accepted' as const] }))) }),
    ['requests are answered'],
  ],
  [
    'a login whose events have another correlation id',
    () => ({ lanes: evidence.lanes.map((lane) => lane.map((each) => ({ ...each, correlationIds: [] }))) }),
    ['the events of'],
  ],
  [
    'a lock that nobody was told of',
    () => ({ logs: evidence.logs.map((log) => (log.eventType === 'AccountLocked' ? { ...log, eventType: 'LoginFailed' } : log)) }),
    ['AccountLocked: accounts, those'],
  ],
  [
    'a suspicion of somebody else',
    () => ({ logs: evidence.logs.map((log) => (log.eventType === 'SuspiciousActivityDetected' ? { ...log, userId: 'user-020' } : log)) }),
    ['SuspiciousActivityDetected: accounts, those'],
  ],
])('%s is found', (_, changed, expected) => {
  expect(problems(changed())).toEqual(expected)
})

test('the script has every incident: who is locked, who is suspicious, and who is neither', () => {
  const usersWith = (type: string): readonly string[] =>
    [
      ...new Set(evidence.logs.filter(({ eventType }) => eventType === type).map(({ userId }) => userId.replace(/^unknown-.*/, 'unknown'))),
    ].sort()
  expect(usersWith('AccountLocked')).toEqual(['unknown', 'user-001', 'user-003', 'user-004'])
  expect(usersWith('SuspiciousActivityDetected')).toEqual(['user-005', 'user-006', 'user-007'])
  const answersOf = (index: number, from: number) => evidence.lanes[index]?.slice(from).flatMap(({ answers }) => answers)
  expect(answersOf(4, -4)).toEqual(['refused', 'ended', 'ended', 'logged-in'])
  expect(answersOf(5, -3)).toEqual(['logged-in', 'ended', 'logged-in'])
  expect(answersOf(7, -1)).toEqual(['logged-in'])
})

test('the same script is written every time', () => {
  expect(scriptOf(20)).toEqual(scriptOf(20))
})

test('a secret is found whatever its case, and not shown', () => {
  expect(leaksIn(['nothing here', 'user HUSH-001 typed this'], ['other', 'Hush-001'])).toEqual(['secret 2'])
  expect(leaksIn(['nothing here'], ['other', 'Hush-001'])).toEqual([])
})
