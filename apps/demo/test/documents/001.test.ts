import 'reflect-metadata'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv, promisify } from 'node:util'
import { Saga, SagaManager, snapshotOptionsFromEnv } from '@interline/domain'
import { EventEndpointsModule, IEventBus, InterlineModule, optionsFromEnv } from '@interline/nestjs'
import { type INestApplication, Injectable, Module, type Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { type IEventBus as Bus, EventHandler, MemoryEventStore, MemorySagaStore } from 'interline'
import { afterEach, describe, expect, it, vi } from 'vitest'

const fixtures = join(import.meta.dirname, '../fixtures/seed-001')

/** What a snippet exports. By a computed name: the snippets have a compiler's configuration of their own. */
const snippet = <Exports>(name: string): Promise<Exports> => import(`../fixtures/seed-001/${name}.ts`) as Promise<Exports>
const text = (name: string): string => readFileSync(join(fixtures, name), 'utf8')

interface Events {
  readonly MyDomainEvent: new (aggregateId: string, aggregateType: string, payload: { amount: number }) => object
}

let app: INestApplication | undefined

async function start(module: object): Promise<INestApplication> {
  app = await NestFactory.create(module as Type, { logger: false, abortOnError: false })
  return app.init()
}

afterEach(async () => {
  await app?.close()
  app = undefined
})

it('the snippets of the document type-check', async () => {
  expect(existsSync(join(fixtures, '../../../../../packages/nestjs/dist/index.d.ts')), 'the types are built: run `tsc -b` first').toBe(true)
  const tsc = join(fixtures, '../../../../../node_modules/typescript/bin/tsc')
  const output = await promisify(execFile)(process.execPath, [tsc, '-p', fixtures]).then(
    () => '',
    (error: { stdout?: string; message: string }) => error.stdout || error.message,
  )
  expect(output).toBe('')
})

describe('Environment Variables', () => {
  // the address is a placeholder
  const variables = { ...parseEnv(text('configuration.env')), EVENT_STORE_CONNECTION_URL: 'postgresql://app@db/events' }

  it('each of them is read: by the bus and its metrics, and by the snapshots', () => {
    expect(optionsFromEnv(variables)).toMatchObject({
      store: { type: 'postgres', postgres: { url: 'postgresql://app@db/events', maxConnections: 20 } },
      retry: { maxAttempts: 4, backoff: { delayMs: 1_000 } },
      deadLetter: { enabled: true },
      metrics: { collectEveryMs: 3_600_000 },
      unused: [],
    })
    expect(snapshotOptionsFromEnv(variables)).toEqual({ intervalVersions: 100, retentionDays: 30 })
  })
})

describe('Module Registration', () => {
  it('as it is written: its providers are there, and its exports work', async () => {
    const { EventModule } = await snippet<{ EventModule: Type }>('module-registration')
    const services = await snippet<typeof import('../fixtures/seed-001/event-services.js')>('event-services')
    const { MyDomainEvent } = await snippet<Events>('my-domain-event')
    await start(EventModule)
    const bus: Bus = app!.get('EventBus')
    expect(bus).toBe(app!.get(services.NestEventBus))
    const sagas: SagaManager = app!.get(services.SagaManager)
    await Promise.all([bus.start(), sagas.start()])
    const seen: unknown[] = []
    await bus.subscribe(MyDomainEvent, ({ payload }: { payload?: unknown }) => void seen.push(payload), { name: 'seen' })
    await bus.publish(new MyDomainEvent('account-1', 'account', { amount: 5 }) as never)
    await sagas.startSaga(app!.get<Saga>(services.AIScoringSaga))
    await sagas.idle()
    await bus.idle()
    expect(seen).toEqual([{ amount: 5 }])
    expect(await sagas.find('AIScoringSaga', 'scoring-1')).toMatchObject({ status: 'completed', state: { score: 42 } })
    expect(await app!.get(services.EventReplayService).preview({ stream: 'account:account-1' })).toMatchObject({ events: 1 })
    await sagas.close()
    await bus.close()
  })

  it('the form to use: InterlineModule makes the bus, starts it with the application, and finds its handlers', async () => {
    const { MyDomainEvent } = await snippet<Events>('my-domain-event')
    const seen: unknown[] = []

    @Injectable()
    @EventHandler(MyDomainEvent)
    class MyEventHandler {
      handle({ payload }: { payload?: unknown }): void {
        seen.push(payload)
      }
    }

    @Module({
      imports: [InterlineModule.forRoot({ service: 'luminary-trade', store: new MemoryEventStore() }), EventEndpointsModule.forRoot({})],
      providers: [MyEventHandler],
    })
    class EventModule {}

    await start(EventModule)
    await app!.get(IEventBus).publish(new MyDomainEvent('account-1', 'account', { amount: 7 }) as never)
    await app!.get(IEventBus).idle()
    expect(seen).toEqual([{ amount: 7 }])
  })
})

describe('with a bus of the application', () => {
  async function startWith(...providers: Type[]): Promise<Bus> {
    @Module({ imports: [InterlineModule.forRoot({ service: 'luminary-trade', store: new MemoryEventStore() })], providers })
    class Application {}
    await start(Application)
    return app!.get(IEventBus)
  }

  it('Emitting Events: the bus is injected by its name, and what is published is in the stream of its aggregate', async () => {
    const { MyService } = await snippet<{ MyService: Type<{ performAction(data: unknown): Promise<void> }> }>('emitting-events')
    const bus = await startWith(MyService)
    await app!.get(MyService).performAction({})
    expect(await bus.getStore().getEvents('account:account-1')).toMatchObject([{ eventType: 'MyDomainEvent', payload: { amount: 5 } }])
  })

  it('Handling Events: an object with handle gets events by the name of their type', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    const { registerOn } = await snippet<{ registerOn(bus: Bus): void }>('handling-events')
    const { MyDomainEvent } = await snippet<Events>('my-domain-event')
    const bus = await startWith()
    registerOn(bus)
    await bus.publish(new MyDomainEvent('account-1', 'account', { amount: 5 }) as never)
    await bus.idle()
    expect(log.mock.calls).toEqual([['Handling event: MyDomainEvent']])
    log.mockRestore()
  })

  it('Using Sagas: a saga that Nest makes runs its steps in order', async () => {
    const { MySaga } = await snippet<{ MySaga: Type<Saga> }>('using-sagas')
    const bus = await startWith(MySaga)
    await using sagas = new SagaManager({ store: new MemorySagaStore(), bus }).register('MySaga', () => app!.get(MySaga))
    await sagas.start()
    await sagas.startSaga(app!.get(MySaga))
    await sagas.idle()
    expect(await sagas.find('MySaga', 'saga-1')).toMatchObject({ status: 'completed', done: ['Step1', 'Step2'] })
  })

  it('Using Sagas, the form to use: one instance is one saga, so that the manager makes each by its id and its data', async () => {
    class ScoringSaga extends Saga<{ symbol: string; score?: number }> {
      protected defineSteps(): void {
        this.addStep('score', async () => void (this.data = { ...this.data, score: this.data.symbol.length }))
      }
    }
    const make = (id: string, data: { symbol: string }): ScoringSaga => new ScoringSaga(id, 'ScoringSaga', data)
    await using sagas = new SagaManager({ store: new MemorySagaStore() }).register('ScoringSaga', ({ id, data }) =>
      make(id, data as { symbol: string }),
    )
    await sagas.start()
    await Promise.all([sagas.startSaga(make('s-1', { symbol: 'AAPL' })), sagas.startSaga(make('s-2', { symbol: 'IBM' }))])
    await sagas.idle()
    const { sagas: ended } = await sagas.list()
    expect(ended.map(({ state }) => state)).toEqual([
      { symbol: 'AAPL', score: 4 },
      { symbol: 'IBM', score: 3 },
    ])
  })
})

describe('Health Endpoints', () => {
  const paths = [...text('health-endpoints.http').matchAll(/^GET (\S+)$/gm)].map(([, path]) => path as string)

  it('there are three', () => expect(paths).toHaveLength(3))

  it.each(paths)('GET %s answers over HTTP', async (path) => {
    @Module({ imports: [InterlineModule.forRoot({ service: 'luminary-trade' }), EventEndpointsModule.forRoot({})] })
    class Application {}
    await start(Application)
    await app!.listen(0, '127.0.0.1')
    const response = await fetch(`${await app!.getUrl()}${path}`)
    expect(response.status).toBe(200)
    expect(await response.text()).not.toBe('')
  })
})
