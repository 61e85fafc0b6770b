import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type PrivateRedis, startRedis } from '@interline/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type DefaultRoutingStrategy, EventHandlerRegistry, type HybridEventBus, type IEventBus } from '../src/index.js'

const fixtures = join(import.meta.dirname, 'fixtures/seed-003')
const root = join(import.meta.dirname, '../../..')

/** What a snippet exports. By a computed name: the snippets have a compiler's configuration of their own. */
const snippet = <Exports = unknown>(name: string): Promise<Exports> => import(`./fixtures/seed-003/${name}.ts`) as Promise<Exports>

interface Replayed {
  readonly aggregate: { readonly applied: readonly object[] }
  readonly events: readonly object[]
  readonly correlatedEvents: readonly object[]
}

interface Hybrid {
  readonly hybridBus: HybridEventBus
  readonly routingStrategy: DefaultRoutingStrategy
}

interface WithBus {
  readonly eventBus: IEventBus
}

/** What the snippets of the application use. The classes are the demo's, which is no dependency of this package. */
interface Authentication extends WithBus {
  readonly loginUseCase: {
    execute(request: Readonly<Record<string, unknown>>): Promise<{ readonly status: string; readonly userId?: string }>
  }
  readonly result: { readonly status: string; readonly correlationId: string }
}

interface Audit {
  readonly logs: readonly object[]
  readonly securityHandler: { getSecurityLogs(query?: { userId?: string; severity?: string; startDate?: Date }): readonly object[] }
}

interface Placeholders {
  readonly UserLoggedInEvent: new (userId: string, from: object, metadata?: object) => object
  readonly SecurityAuditHandler: new () => Audit['securityHandler']
  readonly from: object
}

// the document's own test is registered here
await snippet('testing')

it('the snippets of the document type-check with another import path', async () => {
  expect(existsSync(join(root, 'packages/interline/dist/index.d.ts')), 'the types are built: run `tsc -b` first').toBe(true)
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const output = await promisify(execFile)(process.execPath, [tsc, '-p', fixtures]).then(
    () => '',
    (error: { stdout?: string; message: string }) => error.stdout || error.message,
  )
  expect(output).toBe('')
})

describe('the snippets of the document run with another import path', () => {
  const variables = ['REDIS_URL', 'REDIS_HOST', 'REDIS_PORT', 'REDIS_PASSWORD'] as const
  const before = Object.fromEntries(variables.map((name) => [name, process.env[name]]))
  const password = 'only-for-this-test'
  let redis: PrivateRedis
  let bus: IEventBus

  beforeAll(async () => {
    redis = await startRedis({ requirePass: password })
    delete process.env.REDIS_URL
    Object.assign(process.env, { REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port), REDIS_PASSWORD: password })
    bus = (await snippet<WithBus>('basic-setup')).eventBus
  })

  afterAll(async () => {
    await bus?.close()
    await redis?.close()
    for (const name of variables) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
    EventHandlerRegistry.getInstance().clear()
  })

  it('a decorated handler that is only constructed gets what is published on Redis', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    const { OrderNotificationHandler } = await snippet<{ OrderNotificationHandler: new () => object }>('create-event-handlers')
    new OrderNotificationHandler()
    await snippet('publish-events')
    await expect.poll(() => log.mock.calls, { timeout: 10_000 }).toEqual([['Order order-123 created for customer customer-456']])
    await bus.idle()
    expect(log).toHaveBeenCalledTimes(1)
    log.mockRestore()
  })

  it('the security audit handler, which is only constructed, has what is published on Redis', async () => {
    const { from, UserLoggedInEvent } = await snippet<Placeholders>('placeholders')
    await bus.publish(new UserLoggedInEvent('user-123', from))
    const { handlers } = EventHandlerRegistry.getInstance()
    const audit = handlers.find((handler) => 'getSecurityLogs' in handler) as Audit['securityHandler'] | undefined
    await expect
      .poll(() => audit?.getSecurityLogs(), { timeout: 10_000 })
      .toMatchObject([{ eventType: 'UserLoggedIn', userId: 'user-123' }])
    await bus.idle()
  })

  it('the registry and the broker tell what to look at when events do not arrive', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    await snippet('events-not-being-received')
    expect(log.mock.calls).toEqual([
      [['AccountLocked', 'LoginFailed', 'OrderCreated', 'SuspiciousActivityDetected', 'UserLoggedIn']],
      [expect.objectContaining({ state: 'ready', published: 2, acked: 2 })],
    ])
    log.mockRestore()
  })

  it('the store gives events by stream and by correlation', async () => {
    await bus.getStore().saveEvents('user:123', [
      { type: 'UserRegistered', data: { name: 'Ada' } },
      { type: 'UserRenamed', data: { name: 'Ada L.' } },
    ])
    const { aggregate, correlatedEvents, events } = await snippet<Replayed>('event-store')
    expect(events).toMatchObject([
      { type: 'UserRegistered', version: 1 },
      { type: 'UserRenamed', version: 2 },
    ])
    expect(aggregate.applied).toEqual(events)
    expect(correlatedEvents).toMatchObject([{ orderId: 'order-123', totalAmount: 99.99 }])
  })

  it('a hybrid bus can be made by hand, with lists of local and remote events', async () => {
    const { hybridBus, routingStrategy } = await snippet<Hybrid>('hybrid-event-bus')
    const route = (type: string): string => routingStrategy.route({ type, topic: type, priority: 'normal', metadata: {} as never })
    expect(['CriticalEvent', 'RealTimeEvent', 'AnalyticsEvent', 'ReportEvent'].map(route)).toEqual(['local', 'local', 'remote', 'remote'])
    expect([hybridBus.getLocalBroker().name, hybridBus.getBroker().name]).toEqual(['memory', 'redis'])
    await hybridBus.close()
  })

  it('the production configuration starts, with its store where its broker is', async () => {
    const { eventBus } = await snippet<WithBus>('production-configuration')
    await eventBus.start()
    expect(await eventBus.health()).toMatchObject({
      status: 'pass',
      checks: { 'redis:connection': [{}], 'memory:connection': [{}], 'redis:store': [{}] },
    })
    await eventBus.getStore().saveEvents('user:123', [{ type: 'UserRegistered' }])
    expect(await eventBus.getStore().getEvents('user:123')).toHaveLength(1)
    await eventBus.close()
  })

  it('the testing configuration works at once', async () => {
    const { testEventBus } = await snippet<{ testEventBus: IEventBus }>('testing-configuration')
    const seen: unknown[] = []
    void testEventBus.subscribe('Pinged', (event) => seen.push(event.number))
    await testEventBus.publish({ type: 'Pinged', number: 1 })
    expect(seen).toEqual([1])
    await testEventBus.close()
  })

  it('the configuration for Kafka and PostgreSQL is taken as it is, and says which server it can not reach', async () => {
    const { eventBus } = await snippet<WithBus>('kafka-migration')
    await expect(eventBus.start()).rejects.toMatchObject({ code: 'INTERLINE_CONNECTION' })
    await eventBus.close()
  })
})

describe('the snippets of an application that logs people in run with another import path', () => {
  let authentication: Authentication
  let audit: Audit

  beforeAll(async () => {
    authentication = await snippet<Authentication>('auth-module')
    audit = await snippet<Audit>('security-audit-handler')
  })

  afterAll(async () => {
    await authentication?.eventBus.close()
    EventHandlerRegistry.getInstance().clear()
  })

  it('a login publishes its event by itself', async () => {
    const { eventBus, result } = authentication
    expect(result).toMatchObject({ status: 'logged-in', userId: 'user-123' })
    expect(await eventBus.getStore().getEventsByCorrelationId(result.correlationId)).toMatchObject([
      { eventType: 'UserLoggedIn', userId: 'user-123' },
    ])
  })

  it('the security audit handler is asked by user, severity and date', async () => {
    const { eventBus, loginUseCase } = authentication
    expect(audit.logs).toEqual([])
    const elsewhere = { email: 'user@example.com', password: 'password123', ipAddress: '10.11.0.1', userAgent: 'curl' }
    await loginUseCase.execute(elsewhere)
    await eventBus.idle()
    const query = { userId: 'user-123', severity: 'critical', startDate: new Date('2024-01-01') }
    expect(audit.securityHandler.getSecurityLogs(query)).toMatchObject([{ eventType: 'SuspiciousActivityDetected' }])
    expect(audit.securityHandler.getSecurityLogs({ ...query, startDate: new Date('3024-01-01') })).toEqual([])
  })

  it('one event, published, reaches every interested party', async () => {
    const before = audit.securityHandler.getSecurityLogs({ userId: 'user-123' }).length
    await snippet('migration-from-direct-calls')
    await authentication.eventBus.idle()
    expect(audit.securityHandler.getSecurityLogs({ userId: 'user-123' })).toHaveLength(before + 1)
  })

  it('a stream can be cleared from the store, and old logs from the audit', async () => {
    const { from, UserLoggedInEvent } = await snippet<Placeholders>('placeholders')
    const { eventBus } = authentication
    await eventBus.publish(new UserLoggedInEvent('user-old', from, { timestamp: new Date('2023-12-31') }))
    await eventBus.getStore().saveEvents('old-stream-id', [{ type: 'LongAgo' }])
    await eventBus.idle()
    const kept = audit.securityHandler.getSecurityLogs({ userId: 'user-123' })
    await snippet('high-memory-usage')
    expect(await eventBus.getStore().getEvents('old-stream-id')).toEqual([])
    expect(audit.securityHandler.getSecurityLogs()).toEqual(kept)
  })

  it('the security audit handler: a second one on the same bus is refused, so keep the first and ask that', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const { SecurityAuditHandler } = await snippet<Placeholders>('placeholders')
    const second = new SecurityAuditHandler()
    await expect.poll(() => error.mock.calls.length).toBe(1)
    expect(error.mock.calls).toEqual([[expect.stringContaining('already has a handler "SecurityAuditHandler" in this process')]])
    expect(second.getSecurityLogs()).toEqual([])
    error.mockRestore()
  })
})
