import type { IncomingMessage } from 'node:http'
import { EventTracker } from '@interline/telemetry'
import { ForwardingBroker } from '@interline/testing'
import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  Module,
  type ModuleMetadata,
  UnauthorizedException,
} from '@nestjs/common'
import { APP_INTERCEPTOR } from '@nestjs/core'
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { EventHandler, type EventOf, MemoryBroker } from 'interline'
import { map } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { type EndpointRequest, EventEndpointsModule, IEventBus, InterlineModule } from '../src/index.js'
import { application, listening } from './applications.js'
import { Journal, OrderMail, OrderPlaced } from './orders.js'

@Injectable()
@EventHandler(OrderPlaced, { name: 'order-billing', failure: { retry: { maxAttempts: 2, backoff: { delayMs: 1 } } } })
class Billing {
  handle({ data }: EventOf<typeof OrderPlaced>): void {
    throw new Error(`no money for ${data.orderId}`)
  }
}

const shop = { service: 'shop' } as const
const all = ['health', 'metrics', 'dead-letter'] as const

/** The application of a test: where it is, and three orders that one handler gave up. */
async function withOrders(metadata: ModuleMetadata): Promise<string> {
  const app = await application({ ...metadata, providers: [Journal, OrderMail, Billing, ...(metadata.providers ?? [])] })
  const url = await listening(app)
  const bus = app.get<IEventBus>(IEventBus)
  for (const orderId of ['o-1', 'o-2', 'o-3']) await bus.publish(OrderPlaced({ orderId }))
  await bus.idle()
  return url
}

const statuses = (url: string, headers: Record<string, string> = {}): Promise<readonly number[]> =>
  Promise.all(all.map(async (name) => (await fetch(`${url}/${name}`, { headers })).status))

describe.each([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('the endpoints on %s', (_, adapter) => {
  it('tell the health, the metrics and the dead letters to who asks on this machine', async () => {
    const app = await application(
      { imports: [InterlineModule.forRoot(shop), EventEndpointsModule.forRoot({})], providers: [Journal, OrderMail, Billing] },
      adapter(),
    )
    const url = `${await listening(app)}/api/events`
    const bus = app.get<IEventBus>(IEventBus)
    await bus.publish(OrderPlaced({ orderId: 'o-1' }))
    await bus.idle()

    const health = await fetch(`${url}/health`)
    expect(health.status).toBe(200)
    expect(health.headers.get('content-type')).toMatch(/^application\/health\+json/)
    expect(await health.json()).toMatchObject({ status: 'warn', checks: { 'memory:dead-letters': [{ status: 'warn', observedValue: 1 }] } })

    const metrics = await fetch(`${url}/metrics`)
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain;.*version=0\.0\.4/)
    const text = await metrics.text()
    expect(text).toContain('EVENT_PUBLISHED_total{type="nest.OrderPlaced"} 1')
    expect(text).toContain('EVENT_HANDLER_ERROR_total{type="nest.OrderPlaced"} 2')

    const letters = await fetch(`${url}/dead-letter`)
    expect(letters.headers.get('content-type')).toMatch(/^application\/json/)
    const body = await letters.text()
    expect(JSON.parse(body)).toMatchObject({
      count: 1,
      letters: [
        {
          handler: 'order-billing',
          group: 'shop',
          eventType: 'nest.OrderPlaced',
          attempts: 2,
          reason: 'exhausted',
          error: { name: 'Error', message: 'no money for o-1' },
        },
      ],
    })
    expect(body).not.toContain('stack')
    expect(body).not.toContain('orderId')
    expect((await fetch(`${url}/health`, { method: 'HEAD' })).status).toBe(200)
    expect((await fetch(`${url}/health`, { method: 'POST' })).status).toBe(404)
  })

  it('are denied to who comes by a proxy or another name, but for whether the program lives and is ready', async () => {
    const app = await application({ imports: [InterlineModule.forRoot(shop), EventEndpointsModule.forRoot({})] }, adapter())
    if (adapter() instanceof ExpressAdapter) (app as NestExpressApplication).set('trust proxy', true)
    const url = `${await listening(app)}/api/events`
    expect(await statuses(url)).toEqual([200, 200, 200])
    expect(await statuses(url, { 'x-forwarded-for': '127.0.0.1' })).toEqual([403, 403, 403])
    expect(await statuses(url, { 'x-forwarded-for': '203.0.113.9' })).toEqual([403, 403, 403])
    expect(await statuses(url, { forwarded: 'for=127.0.0.1' })).toEqual([403, 403, 403])
    for (const open of ['live', 'ready']) {
      const answer = await fetch(`${url}/health/${open}`, { headers: { 'x-forwarded-for': '203.0.113.9' } })
      expect([answer.status, await answer.json()]).toEqual([200, { status: 'pass' }])
    }
  })

  it('are for those whom authorize lets in, and for nobody else', async () => {
    const asked: EndpointRequest[] = []
    const authorize = async (request: EndpointRequest): Promise<boolean> => {
      asked.push(request)
      const key = request.header('X-Key')
      if (key === 'none') throw new UnauthorizedException()
      return (key === 'truthy' ? 1 : key === 'right') as boolean
    }
    const app = await application({ imports: [InterlineModule.forRoot(shop), EventEndpointsModule.forRoot({ authorize })] }, adapter())
    const url = `${await listening(app)}/api/events`
    expect(await statuses(url)).toEqual([403, 403, 403])
    expect(await statuses(url, { 'x-key': 'truthy' })).toEqual([403, 403, 403])
    expect(await statuses(url, { 'x-key': 'none' })).toEqual([401, 401, 401])
    expect(await statuses(url, { 'x-key': 'right', 'x-forwarded-for': '203.0.113.9' })).toEqual([200, 200, 200])
    const { method, path, remoteAddress, raw } = asked.at(-1)!
    expect({ method, remoteAddress }).toEqual({ method: 'GET', remoteAddress: '127.0.0.1' })
    expect(path).toMatch(/^\/api\/events\//)
    expect((raw as IncomingMessage).headers['x-key']).toBe('right')
  })
})

describe('the endpoints', () => {
  it('list dead letters by what fits, a page at a time', async () => {
    const url = `${await withOrders({ imports: [InterlineModule.forRoot(shop), EventEndpointsModule.forRoot({})] })}/api/events/dead-letter`
    const page = async (query: string) =>
      (await (await fetch(`${url}?${query}`)).json()) as { count: number; letters: { error: { message: string } }[]; next?: string }
    const first = await page('handler=order-billing&limit=2')
    expect([first.count, first.letters.length]).toEqual([3, 2])
    const rest = await page(`handler=order-billing&limit=2&after=${encodeURIComponent(first.next ?? '')}`)
    const told = [...first.letters, ...rest.letters].map(({ error }) => error.message).sort()
    expect(told).toEqual(['no money for o-1', 'no money for o-2', 'no money for o-3'])
    expect(await page('eventType=nest.Other')).toEqual({ count: 0, letters: [] })
  })

  it.each([
    ['limit=0', 'limit must be a whole number from 1 to 1000'],
    ['limit=many', 'limit must be a whole number'],
    ['handler=a&handler=b', '"handler" was given several times'],
    ['handlr=a', '"handlr" is no filter of dead letters. There are: group, handler'],
    ['reason=bored', 'reason must be one of exhausted'],
  ])('refuse a question that nobody could mean: %s', async (query, message) => {
    const app = await application({ imports: [InterlineModule.forRoot(shop), EventEndpointsModule.forRoot({})] })
    const answer = await fetch(`${await listening(app)}/api/events/dead-letter?${query}`)
    expect(answer.status).toBe(400)
    expect(((await answer.json()) as { message: string }).message).toContain(message)
  })

  it('say so where the broker has no dead letters that can be looked at', async () => {
    class WithoutLetters extends ForwardingBroker {
      override get deadLetters(): undefined {
        return undefined
      }
    }
    const broker = new WithoutLetters(new MemoryBroker())
    const app = await application({ imports: [InterlineModule.forRoot({ ...shop, broker }), EventEndpointsModule.forRoot({})] })
    const answer = await fetch(`${await listening(app)}/api/events/dead-letter`)
    expect(answer.status).toBe(501)
    expect(((await answer.json()) as { message: string }).message).toContain('Configure a dead-letter store')
  })

  it('tell 503 where the broker is away, and that the program lives', async () => {
    class Away extends ForwardingBroker {
      override async health() {
        return { status: 'fail', output: 'The line is cut.' } as const
      }
    }
    const imports = [InterlineModule.forRoot({ ...shop, broker: new Away(new MemoryBroker()) }), EventEndpointsModule.forRoot({})]
    const url = `${await listening(await application({ imports }))}/api/events`
    const answer = await fetch(`${url}/health`)
    expect([answer.status, ((await answer.json()) as { status: string }).status]).toEqual([503, 'fail'])
    expect((await fetch(`${url}/health/ready`)).status).toBe(503)
    expect((await fetch(`${url}/health/live`)).status).toBe(200)
  })

  it('stand where they are wanted, for each bus, with more checks and metrics, also where these are injected', async () => {
    const tracker = new EventTracker()
    class Keys {
      readonly right = 'key-of-operators'
    }
    @Module({ providers: [Keys], exports: [Keys] })
    class KeysModule {}
    const operators = {
      path: 'ops/audit',
      bus: 'audit',
      imports: [KeysModule],
      inject: [Keys],
      useFactory: ({ right }: Keys) => ({
        authorize: (request: EndpointRequest) => request.header('x-key') === right,
        health: { serviceId: 'shop-1', checks: { 'pool:free': () => ({ status: 'pass' as const, observedValue: 3 }) } },
        metrics: [tracker],
      }),
    }
    const app = await application({
      imports: [
        InterlineModule.forRoot({ ...shop, metrics: false }),
        InterlineModule.forRoot({ ...shop, name: 'audit', instrumentation: tracker }),
        EventEndpointsModule.forRoot({}),
        EventEndpointsModule.forRootAsync(operators),
      ],
    })
    app.setGlobalPrefix('v1')
    const url = await listening(app)
    expect(await statuses(`${url}/v1/api/events`)).toEqual([200, 404, 200])
    expect(await statuses(`${url}/v1/ops/audit`)).toEqual([403, 403, 403])
    const headers = { 'x-key': 'key-of-operators' }
    expect(await statuses(`${url}/v1/ops/audit`, headers)).toEqual([200, 200, 200])
    const health = await (await fetch(`${url}/v1/ops/audit/health`, { headers })).json()
    expect(health).toMatchObject({ serviceId: 'shop-1', checks: { 'pool:free': [{ observedValue: 3 }] } })
    const text = await (await fetch(`${url}/v1/ops/audit/metrics`, { headers })).text()
    expect(text).toContain('# TYPE events_total counter')
    expect(text).toContain('# TYPE EVENT_PUBLISHED_total counter')
  })

  it('are not wrapped by what an application wraps its answers in', async () => {
    @Injectable()
    class Wrapped {
      intercept(_context: ExecutionContext, next: CallHandler) {
        return next.handle().pipe(map((data: unknown) => ({ data })))
      }
    }
    const wrap = { provide: APP_INTERCEPTOR, useClass: Wrapped }
    @Controller('own')
    class Own {
      @Get()
      own() {
        return 'own'
      }
    }
    const imports = [InterlineModule.forRoot(shop), EventEndpointsModule.forRoot({})]
    const url = await withOrders({ imports, providers: [wrap], controllers: [Own] })
    expect(await (await fetch(`${url}/own`)).json()).toEqual({ data: 'own' })
    expect(Object.keys((await (await fetch(`${url}/api/events/health`)).json()) as object)).toEqual(['status', 'checks'])
    expect(await (await fetch(`${url}/api/events/dead-letter`)).json()).toMatchObject({ count: 3 })
    expect(await (await fetch(`${url}/api/events/metrics`)).text()).toMatch(/^# HELP/)
  })
})
