import { createTestEventBus, type IEventBus } from 'interline'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { InMemoryAuthRepository } from './account/auth-repository.js'
import { PasswordHasher } from './account/password-hasher.js'
import { cities } from './account/place.js'
import { Profile } from './account/profile.js'
import { Sessions } from './account/sessions.js'
import { type SecurityEvent, UserLoggedInEvent } from './events.js'
import { LoginUseCaseWithEvents } from './login-use-case.js'

const email = 'user@example.com'
const password = 'password123'
const receivedAt = new Date('2025-03-03T09:00:00Z')
const home = { ipAddress: `${cities.berlin.network}.0.1`, userAgent: 'Firefox', receivedAt }
const hasher = new PasswordHasher({ cost: 16, blockSize: 8, parallelization: 1 })

let bus: IEventBus
let logins: LoginUseCaseWithEvents
let sessions: Sessions
let events: () => Promise<SecurityEvent[]>

beforeEach(async () => {
  bus = await createTestEventBus()
  sessions = new Sessions()
  const repository = new InMemoryAuthRepository()
  const profile = new Profile({ country: 'DE', device: 'Firefox', hours: [9] })
  repository.add({ userId: 'user-123', email, passwordHash: await hasher.hash(password), profile })
  logins = new LoginUseCaseWithEvents(repository, bus, { hasher, sessions })
  events = () => bus.getStore().getAllEvents<SecurityEvent>()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await bus.close()
})

describe('a login', () => {
  test('with the right password opens a session, and is published in the history of its account', async () => {
    const result = await logins.execute({ email: ' User@Example.com ', password, ...home, correlationId: 'req-789' })
    expect(result).toEqual({ status: 'logged-in', userId: 'user-123', token: expect.any(String), correlationId: 'req-789' })
    expect(sessions.find((result as { token: string }).token)).toEqual({ userId: 'user-123', correlationId: 'req-789' })
    const [event, ...more] = await bus.getStore().getEvents<UserLoggedInEvent>('Account:user-123')
    expect(more).toEqual([])
    expect(event).toBeInstanceOf(UserLoggedInEvent)
    expect(event).toMatchObject({
      userId: 'user-123',
      correlationId: 'req-789',
      timestamp: receivedAt,
      from: { country: 'DE', device: 'Firefox' },
    })
  })

  test('with a wrong password fails, for reasons that only the audit is told', async () => {
    const wrong = await logins.execute({ email, password: 'password124', ...home })
    const unknown = await logins.execute({ email: 'nobody@example.com', password, ...home })
    expect([wrong.status, unknown.status]).toEqual(['invalid-credentials', 'invalid-credentials'])
    expect(await events()).toMatchObject([
      { eventType: 'LoginFailed', userId: 'user-123', reason: 'wrong-password' },
      { eventType: 'LoginFailed', userId: expect.stringMatching(/^unknown-[0-9a-f]{16}$/), reason: 'unknown-account' },
    ])
  })

  test('of nobody costs a hash, like any other', async () => {
    const verify = vi.spyOn(hasher, 'verify')
    await logins.execute({ email: 'nobody@example.com', password, ...home })
    await logins.execute({ email, password, ...home })
    const costs = verify.mock.calls.map(([, hash]) => hash.split('$').slice(0, 4).join('$'))
    expect(costs).toEqual(['scrypt$16$8$1', 'scrypt$16$8$1'])
  })

  test.each([email, 'nobody@example.com'])('is locked out by the fifth wrong password, also with the right one: %s', async (address) => {
    const verify = vi.spyOn(hasher, 'verify')
    const attempt = (tried: string) => logins.execute({ email: address, password: tried, ...home, correlationId: tried })
    for (const tried of ['1', '2', '3', '4', '5']) expect(await attempt(tried)).toMatchObject({ status: 'invalid-credentials' })
    expect(await attempt(password)).toEqual({ status: 'account-locked', correlationId: password })
    expect(verify).toHaveBeenCalledTimes(5)
    expect((await events()).slice(4)).toMatchObject([
      { eventType: 'LoginFailed', correlationId: '5' },
      { eventType: 'AccountLocked', correlationId: '5', lockedUntil: '2025-03-03T09:30:00.000Z' },
      { eventType: 'LoginFailed', reason: 'account-locked', correlationId: password },
    ])
  })

  test('from far away with a new device is published as suspicious, too, with the same correlation id', async () => {
    const { correlationId } = await logins.execute({
      email,
      password,
      ...home,
      ipAddress: `${cities.sydney.network}.0.1`,
      userAgent: 'curl',
    })
    expect(await bus.getStore().getEventsByCorrelationId(correlationId)).toMatchObject([
      { eventType: 'UserLoggedIn' },
      { eventType: 'SuspiciousActivityDetected', anomalies: ['new-country', 'new-device'] },
    ])
  })

  test('does not become usual by being suspicious', async () => {
    const away = { ...home, ipAddress: `${cities.sydney.network}.0.1`, userAgent: 'curl' }
    await logins.execute({ email, password, ...away })
    await logins.execute({ email, password, ...away })
    expect((await events()).map(({ eventType }) => eventType)).toEqual([
      'UserLoggedIn',
      'SuspiciousActivityDetected',
      'UserLoggedIn',
      'SuspiciousActivityDetected',
    ])
  })
})

test('what can not be put on record did not happen: no session is left', async () => {
  const open = vi.spyOn(sessions, 'open')
  vi.spyOn(bus, 'publish').mockRejectedValue(new Error('the store is down'))
  await expect(logins.execute({ email, password, ...home })).rejects.toThrow('the store is down')
  const token = open.mock.results[0]?.value as string
  expect(sessions.find(token)).toBeUndefined()
})

test('a hash that can not be verified is no failure of whoever logs in', async () => {
  const verify = vi.spyOn(hasher, 'verify').mockRejectedValue(new Error('out of memory'))
  for (let time = 0; time < 6; time++) await expect(logins.execute({ email, password, ...home })).rejects.toThrow('out of memory')
  verify.mockRestore()
  expect(await logins.execute({ email, password, ...home })).toMatchObject({ status: 'logged-in' })
})

describe('a request that can not be one', () => {
  test.each([
    [{ email: '', password }, 'email must be text of 1 to 254 characters'],
    [{ email: password.repeat(30), password }, 'email must be text of 1 to 254 characters'],
    [{ email: undefined as never, password }, 'email must be text'],
    [{ email, password: '' }, 'password must be text of 1 to 256 characters'],
    [{ email, password: password.repeat(30) }, 'password must be text of 1 to 256 characters'],
    [{ email, password: { $ne: '' } as never }, 'password must be text'],
  ])('is refused without showing what was in it: %#', async (credentials, message) => {
    const refusal = logins.execute({ ...credentials, ...home })
    await expect(refusal).rejects.toThrow(message)
    await expect(refusal).rejects.not.toThrow(password)
    expect(await events()).toEqual([])
  })
})
