import { createTestEventBus, EventHandlerRegistry, type IEventBus } from 'interline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AccountLockedEvent, LoginFailedEvent, SuspiciousActivityDetectedEvent, UserLoggedInEvent } from '../events.js'
import { SecurityAuditHandler } from './security-audit-handler.js'

const from = { ipAddress: '10.1.0.1', device: 'Firefox', country: 'DE', at: 0 }
const day = (number: number): Date => new Date(Date.UTC(2024, 0, number))
const on = (number: number) => ({ timestamp: day(number) })

let bus: IEventBus
let audit: SecurityAuditHandler

beforeEach(async () => {
  bus = await createTestEventBus()
  audit = new SecurityAuditHandler()
  await bus.publishBatch([
    new LoginFailedEvent('user-1', 'wrong-password', from, on(1)),
    new AccountLockedEvent('user-1', day(2).toISOString(), from, on(2)),
    new UserLoggedInEvent('user-2', from, on(3)),
    new SuspiciousActivityDetectedEvent('user-2', ['new-device', 'unusual-hour'], from, on(4)),
  ])
  await bus.idle()
})
afterEach(async () => {
  EventHandlerRegistry.getInstance().clear()
  await bus.close()
})

test('a handler that is only constructed has every event, with its severity and in words', () => {
  expect(audit.getSecurityLogs()).toMatchObject([
    {
      eventType: 'LoginFailed',
      userId: 'user-1',
      severity: 'medium',
      at: day(1),
      summary: 'login failed from 10.1.0.1 (DE): wrong-password',
    },
    { eventType: 'AccountLocked', severity: 'high', summary: 'locked until 2024-01-02T00:00:00.000Z, after guesses from 10.1.0.1 (DE)' },
    { eventType: 'UserLoggedIn', severity: 'low', summary: 'logged in from 10.1.0.1 (DE)' },
    {
      eventType: 'SuspiciousActivityDetected',
      severity: 'critical',
      summary: 'suspicious activity from 10.1.0.1 (DE): new-device, unusual-hour',
    },
  ])
})

test.each([
  [{ userId: 'user-1' }, ['LoginFailed', 'AccountLocked']],
  [{ severity: 'critical' }, ['SuspiciousActivityDetected']],
  [{ startDate: day(3) }, ['UserLoggedIn', 'SuspiciousActivityDetected']],
  [{ endDate: day(3) }, ['LoginFailed', 'AccountLocked']],
  [{ startDate: day(2), endDate: day(4) }, ['AccountLocked', 'UserLoggedIn']],
  [{ userId: 'user-2', severity: 'critical', startDate: day(1) }, ['SuspiciousActivityDetected']],
  [{ userId: 'user-1', severity: 'critical' }, []],
  [{ userId: 'user-3' }, []],
] as const)('%j is answered with %j', (query, types) => {
  expect(audit.getSecurityLogs(query).map(({ eventType }) => eventType)).toEqual(types)
})

test('old logs are cleared, and what happened at that very time is kept', () => {
  expect(audit.clearOldLogs(day(3))).toBe(2)
  expect(audit.getSecurityLogs().map(({ at }) => at)).toEqual([day(3), day(4)])
  expect(audit.clearOldLogs(day(3))).toBe(0)
})

test('an event that is delivered again is one entry', async () => {
  const event = new UserLoggedInEvent('user-3', from)
  for (let time = 0; time < 3; time++) await audit.handle(event)
  expect(audit.getSecurityLogs({ userId: 'user-3' })).toHaveLength(1)
  expect(audit.repeated).toBe(2)
})
