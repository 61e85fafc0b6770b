import { createTestEventBus, EventHandlerRegistry, type IEventBus } from 'interline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { InMemoryAuthRepository } from './account/auth-repository.js'
import { cities } from './account/place.js'
import { Profile } from './account/profile.js'
import { Sessions } from './account/sessions.js'
import { AccountLockedEvent, type SecurityEvent, SuspiciousActivityDetectedEvent } from './events.js'
import { SecurityDesk } from './handlers/security-desk.js'
import { SessionUseCaseWithEvents } from './session-use-case.js'

const home = { ipAddress: `${cities.berlin.network}.0.1`, userAgent: 'Firefox', receivedAt: new Date('2025-03-03T09:00:00Z') }
const thief = { ipAddress: `${cities.sydney.network}.0.1`, userAgent: 'Firefox', receivedAt: new Date('2025-03-03T09:20:00Z') }

let bus: IEventBus
let sessions: Sessions
let visits: SessionUseCaseWithEvents

beforeEach(async () => {
  bus = await createTestEventBus()
  sessions = new Sessions()
  const repository = new InMemoryAuthRepository()
  const profile = new Profile({ country: 'DE', device: 'Firefox', hours: [9] })
  repository.add({ userId: 'user-123', email: 'user@example.com', passwordHash: '', profile })
  visits = new SessionUseCaseWithEvents(repository, bus, sessions)
})
afterEach(async () => {
  EventHandlerRegistry.getInstance().clear()
  await bus.close()
})

test('a session is good for whoever opened it, and nothing is published', async () => {
  const token = sessions.open({ userId: 'user-123', correlationId: 'req-1' })
  expect(await visits.execute({ token, ...home })).toBe('accepted')
  expect(await visits.execute({ token: 'another', ...home })).toBe('ended')
  expect(await bus.getStore().getAllEvents()).toEqual([])
})

test('a stolen session is refused, and every session of the account is ended at once', async () => {
  const alerts: string[] = []
  new SecurityDesk(sessions, (line) => alerts.push(line))
  const token = sessions.open({ userId: 'user-123', correlationId: 'req-1' })
  const second = sessions.open({ userId: 'user-123', correlationId: 'req-2' })
  const stranger = sessions.open({ userId: 'user-456', correlationId: 'req-3' })
  await visits.execute({ token, ...home })
  expect(await visits.execute({ token, ...thief })).toBe('refused')
  expect([token, second, stranger].map((each) => sessions.find(each)?.userId)).toEqual([undefined, undefined, 'user-456'])
  expect(await bus.getStore().getEventsByCorrelationId<SecurityEvent>('req-1')).toMatchObject([
    { eventType: 'SuspiciousActivityDetected', userId: 'user-123', anomalies: ['new-country', 'impossible-travel'] },
  ])
  expect(alerts).toEqual(['All sessions of user-123 are ended: new-country, impossible-travel.'])
})

test('a locked account keeps its sessions: whoever guesses at it must not throw its owner out', async () => {
  const alerts: string[] = []
  const desk = new SecurityDesk(sessions, (line) => alerts.push(line))
  const token = sessions.open({ userId: 'user-123', correlationId: 'req-1' })
  const from = { ipAddress: thief.ipAddress, device: 'curl', country: 'AU', at: 0 }
  await bus.publish(new AccountLockedEvent('user-123', '2025-03-03T09:30:00.000Z', from))
  expect(alerts).toEqual(['user-123 is locked until 2025-03-03T09:30:00.000Z.'])
  expect(sessions.find(token)).toBeDefined()
  await bus.publish(new SuspiciousActivityDetectedEvent('user-123', ['new-country', 'new-device'], from))
  expect(sessions.find(token)).toBeUndefined()
  expect(desk.seen).toHaveLength(2)
})
