import { type PrivateRedis, startRedis, waitFor } from '@interline/testing'
import { EventBusFactory, EventHandlerRegistry, type IEventBus } from 'interline'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Sessions } from '../../src/systems/login/account/sessions.js'
import { LoginFailedEvent, SuspiciousActivityDetectedEvent } from '../../src/systems/login/events.js'
import { SecurityAuditHandler } from '../../src/systems/login/handlers/security-audit-handler.js'
import { SecurityDesk } from '../../src/systems/login/handlers/security-desk.js'

const limitMs = 60_000

let redis: PrivateRedis
beforeAll(async () => {
  redis = await startRedis()
}, limitMs)
afterAll(() => redis?.close())
afterEach(() => EventHandlerRegistry.getInstance().clear())

/** What one process of the service has. */
async function office() {
  const sessions = new Sessions()
  const desk = new SecurityDesk(sessions, () => undefined)
  const audit = new SecurityAuditHandler()
  const eventBus: IEventBus = EventBusFactory.create({
    service: 'auth',
    broker: { type: 'redis', redis: { url: redis.url } },
    hybrid: true,
    waitForHandlers: true,
    autoRegister: false,
  })
  await eventBus.register(desk)
  await eventBus.register(audit)
  await eventBus.start()
  return { sessions, desk, audit, eventBus }
}

test('of two buses, as two processes have them, both end stolen sessions, and one of them audits', { timeout: limitMs }, async () => {
  const [here, there] = [await office(), await office()]
  await using _here = here.eventBus
  await using _there = there.eventBus
  const from = { ipAddress: '10.11.0.1', device: 'curl', country: 'AU', at: 0 }
  const token = there.sessions.open({ userId: 'user-7', correlationId: 'req-7' })
  for (let number = 0; number < 40; number++) {
    const userId = `user-${number}`
    await here.eventBus.publishBatch([
      new LoginFailedEvent(userId, 'wrong-password', from),
      new SuspiciousActivityDetectedEvent(userId, ['impossible-travel'], from),
    ])
    expect(here.desk.seen, 'the desk of this process has seen it when publish is answered').toHaveLength(number + 1)
  }
  const audited = (): readonly string[] =>
    [here, there].flatMap(({ audit }) => audit.getSecurityLogs().map(({ userId, eventType }) => `${userId} ${eventType}`)).sort()
  await waitFor(() => audited().length >= 80 && there.desk.seen.length >= 40, { limitMs: 20_000, what: 'both buses to have all' })
  await Promise.all([here.eventBus.idle(), there.eventBus.idle()])

  const users = Array.from({ length: 40 }, (_, number) => `user-${number}`)
  expect(audited()).toEqual(users.flatMap((userId) => [`${userId} LoginFailed`, `${userId} SuspiciousActivityDetected`]).sort())
  expect([here, there].map(({ audit }) => audit.repeated)).toEqual([0, 0])
  expect([...there.desk.seen].sort()).toEqual([...here.desk.seen].sort())
  expect(new Set(there.desk.seen).size).toBe(40)
  expect(there.sessions.find(token)).toBeUndefined()
})
