import { type PrivateRedis, startRedis, waitFor } from '@interline/testing'
import { EventBusFactory, EventHandlerRegistry } from 'interline'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { PasswordHasher } from '../../src/systems/login/account/password-hasher.js'
import { Sessions } from '../../src/systems/login/account/sessions.js'
import { castRepository } from '../../src/systems/login/day/cast.js'
import { expectedOf } from '../../src/systems/login/day/expectation.js'
import { perform } from '../../src/systems/login/day/performance.js'
import { scriptOf } from '../../src/systems/login/day/script.js'
import { SecurityAuditHandler } from '../../src/systems/login/handlers/security-audit-handler.js'
import { SecurityDesk } from '../../src/systems/login/handlers/security-desk.js'
import { LoginUseCaseWithEvents } from '../../src/systems/login/login-use-case.js'
import { SessionUseCaseWithEvents } from '../../src/systems/login/session-use-case.js'

const limitMs = 90_000

let redis: PrivateRedis
beforeAll(async () => {
  redis = await startRedis()
}, limitMs)
afterAll(() => redis?.close())
afterEach(() => EventHandlerRegistry.getInstance().clear())

test('a broker that is killed stops no login and no session guard, and its audit is complete when it is back', {
  timeout: limitMs,
}, async () => {
  const hasher = new PasswordHasher({ cost: 16, blockSize: 8, parallelization: 1 })
  const sessions = new Sessions()
  const { cast, lanes } = scriptOf(100)
  const { repository } = await castRepository(cast, hasher)
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
  await using eventBus = await EventBusFactory.createAndStart({
    service: 'auth',
    broker: { type: 'redis', redis: { url: redis.url } },
    store: { type: 'memory' },
    hybrid: true,
    waitForHandlers: true,
    logger: silent,
  })
  const desk = new SecurityDesk(sessions, () => undefined)
  const audit = new SecurityAuditHandler()
  const stage = {
    logins: new LoginUseCaseWithEvents(repository, eventBus, { hasher, sessions }),
    visits: new SessionUseCaseWithEvents(repository, eventBus, sessions),
    interrupted: new AbortController().signal,
  }
  const morning = await perform(lanes.slice(0, 30), stage)
  await waitFor(() => audit.getSecurityLogs().length > 20, { limitMs: 20_000, what: 'the audit to be at it' })
  await redis.kill()
  const evening = await perform(lanes.slice(30), stage)
  const audited = audit.getSecurityLogs().length
  await redis.restart()
  await eventBus.idle({ signal: AbortSignal.timeout(60_000) })

  const ids: string[] = []
  for await (const { message } of eventBus.getStore().readAll()) ids.push(message.attributes.id ?? '')
  expect(audited).toBeLessThan(ids.length)
  expect([...morning.lanes, ...evening.lanes].map((lane) => lane.map(({ answers }) => answers))).toEqual(
    lanes.map((lane) => expectedOf(lane).map(({ answers }) => answers)),
  )
  expect(
    audit
      .getSecurityLogs()
      .map(({ eventId }) => eventId)
      .sort(),
  ).toEqual(ids.sort())
  const critical = audit.getSecurityLogs().filter(({ severity }) => severity === 'critical' || severity === 'high')
  expect([...desk.seen].sort()).toEqual(critical.map(({ eventId }) => eventId).sort())
})
