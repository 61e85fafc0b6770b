import { BusMetrics } from '@interline/telemetry'
import { Inject, Injectable, Module } from '@nestjs/common'
import { MemoryBroker } from 'interline'
import { describe, expect, it } from 'vitest'
import { getBusMetricsToken, getEventBusToken, IEventBus, InjectEventBus, InterlineModule, optionsFromEnv } from '../src/index.js'
import { application, started } from './applications.js'
import { Journal, OrderMail, OrderPlaced, OrderShipped, Parcels } from './orders.js'

const shop = { service: 'shop' } as const

@Injectable()
class Both {
  constructor(
    readonly byType: IEventBus,
    @Inject(IEventBus) readonly byToken: IEventBus,
    @Inject('EventBus') readonly byName: IEventBus,
    @InjectEventBus() readonly plain: IEventBus,
    @InjectEventBus('audit') readonly audit: IEventBus,
  ) {}
}

describe('a bus', () => {
  it('is injected by its type, its token and its name; one beside it by its own', async () => {
    const app = await started({
      imports: [InterlineModule.forRoot(shop), InterlineModule.forRoot({ ...shop, name: 'audit' })],
      providers: [Both],
    })
    const { byType, byToken, byName, plain, audit } = app.get(Both)
    expect([byToken, byName, plain].every((bus) => bus === byType)).toBe(true)
    expect(audit).not.toBe(byType)
    expect(app.get(getEventBusToken('audit'))).toBe(audit)
    expect((await audit.health()).status).toBe('pass')
  })

  it('is configured by what was injected into its factory, also one with a name', async () => {
    class Settings {
      readonly service = 'from-settings'
    }
    @Module({ providers: [Settings], exports: [Settings] })
    class SettingsModule {}
    const factory = { imports: [SettingsModule], inject: [Settings], useFactory: async ({ service }: Settings) => ({ service }) }
    class Factory {
      create() {
        return { service: 'from-class' }
      }
    }
    const app = await started({
      imports: [InterlineModule.forRootAsync(factory), InterlineModule.forRootAsync({ name: 'audit', useClass: Factory })],
    })
    const groupOf = async (token: ReturnType<typeof getEventBusToken>) =>
      (await app.get<IEventBus>(token).subscribe(OrderPlaced, () => undefined, { name: 'seen' })).group
    expect([await groupOf(IEventBus), await groupOf(getEventBusToken('audit'))]).toEqual(['from-settings', 'from-class'])
  })

  it('is one, however many modules import it', async () => {
    const bus = InterlineModule.forRoot(shop)
    @Module({ imports: [bus], providers: [Journal, OrderMail] })
    class Orders {}
    @Module({ imports: [bus] })
    class Shop {}
    const app = await started({ imports: [Orders, Shop] })
    await app.get<IEventBus>(IEventBus).publish(OrderPlaced({ orderId: 'o-1' }))
    await app.get<IEventBus>(IEventBus).idle()
    expect(app.get(Journal, { strict: false }).lines).toEqual(['mail for o-1'])
  })

  it.each([
    [undefined, 'Two buses are the default one'],
    ['audit', 'Two buses are called "audit"'],
  ])('is refused where there are two of a name: %s', async (name, message) => {
    const app = await application({ imports: [InterlineModule.forRoot({ ...shop, name }), InterlineModule.forRoot({ ...shop, name })] })
    await expect(app.init()).rejects.toThrow(message)
  })

  it('with options that can not work is refused when the application is made', async () => {
    await expect(application({ imports: [InterlineModule.forRoot({ service: '' })] })).rejects.toThrow(/service/)
    const registering = { ...shop, autoRegister: true }
    await expect(application({ imports: [InterlineModule.forRoot(registering)] })).rejects.toThrow(/autoRegister: true/)
    const nothing = { useFactory: () => undefined as never }
    await expect(application({ imports: [InterlineModule.forRootAsync(nothing)] })).rejects.toThrow(/options of InterlineModule/)
  })
})

describe('the handlers of a module', () => {
  @Module({ imports: [InterlineModule.forFeature('audit')], providers: [Journal, OrderMail] })
  class Audit {}

  it('belong to the bus that the module names, however often it is named, and all others to the default one', async () => {
    expect(InterlineModule.forFeature('audit')).toBe(InterlineModule.forFeature('audit'))
    @Module({ imports: [InterlineModule.forFeature('audit'), InterlineModule.forFeature('audit'), Audit] })
    class Books {}
    @Module({ imports: [Books], providers: [Journal, Parcels] })
    class Delivery {}
    const app = await started({ imports: [InterlineModule.forRoot(shop), InterlineModule.forRoot({ ...shop, name: 'audit' }), Delivery] })
    const [bus, audit] = [app.get<IEventBus>(IEventBus), app.get<IEventBus>(getEventBusToken('audit'))]
    for (const [each, orderId] of [
      [bus, 'o-1'],
      [audit, 'o-2'],
    ] as const) {
      await each.publish(OrderPlaced({ orderId }))
      await each.publish(new OrderShipped(orderId))
      await each.idle()
    }
    expect(app.select(Audit).get(Journal, { strict: true }).lines).toEqual(['mail for o-2'])
    expect(app.select(Delivery).get(Journal, { strict: true }).lines).toEqual(['parcel for o-1'])
  })

  it('belong to several where it names several', async () => {
    @Module({ imports: [InterlineModule.forFeature(), InterlineModule.forFeature('audit')], providers: [Journal, OrderMail] })
    class Everywhere {}
    const app = await started({ imports: [InterlineModule.forRoot(shop), InterlineModule.forRoot({ ...shop, name: 'audit' }), Everywhere] })
    for (const token of [IEventBus, getEventBusToken('audit')]) {
      await app.get<IEventBus>(token).publish(OrderPlaced({ orderId: 'o-1' }))
      await app.get<IEventBus>(token).idle()
    }
    expect(app.get(Journal, { strict: false }).lines).toEqual(['mail for o-1', 'mail for o-1'])
  })

  it('are refused where there is no bus for them', async () => {
    await expect(application({ imports: [InterlineModule.forRoot(shop), Audit] })).rejects.toThrow(
      `forFeature('audit') names a bus that no module makes. Import InterlineModule.forRoot({ name: 'audit', … }).`,
    )
    const app = await application({ imports: [InterlineModule.forRoot({ ...shop, name: 'audit' })], providers: [Journal, Parcels] })
    await expect(app.init()).rejects.toThrow(/^Parcels of \w+ handles events, and there is no default bus/)
  })
})

describe('the metrics of a bus', () => {
  it('are its own, shared, or off', async () => {
    const shared = new BusMetrics()
    const app = await started({
      imports: [
        InterlineModule.forRoot({ ...shop, metrics: { maxSeries: 10 } }),
        InterlineModule.forRoot({ ...shop, name: 'audit', metrics: shared }),
        InterlineModule.forRoot({ ...shop, name: 'silent', metrics: false }),
      ],
    })
    expect(app.get(getBusMetricsToken())).toBeInstanceOf(BusMetrics)
    expect(app.get(getBusMetricsToken('audit'))).toBe(shared)
    expect(app.get(getBusMetricsToken('silent'))).toBeUndefined()
  })

  it('stand beside the instrumentation that the program gives', async () => {
    const told: string[] = []
    const instrumentation = { handled: ({ handler }: { handler: string }) => void told.push(handler) }
    const app = await started({ imports: [InterlineModule.forRoot({ ...shop, instrumentation })], providers: [Journal, OrderMail] })
    await app.get<IEventBus>(IEventBus).publish(OrderPlaced({ orderId: 'o-1' }))
    await app.get<IEventBus>(IEventBus).idle()
    expect(told).toEqual(['OrderMail'])
    const counted = app
      .get<BusMetrics>(getBusMetricsToken())
      .families()
      .find(({ definition }) => definition.name === 'EVENT_HANDLER_SUCCESS')
    expect(counted?.points).toMatchObject([{ value: 1 }])
  })
})

describe('the environment', () => {
  it('says the same of a bus as of one without Nest, and of its metrics', () => {
    const options = optionsFromEnv({
      EVENT_STORE_CONNECTION_URL: 'postgresql://app:secret@db/events',
      EVENT_STORE_MAX_CONNECTIONS: '20',
      EVENT_BUS_MAX_RETRIES: '3',
      EVENT_BUS_RETRY_DELAY_MS: '1000',
      EVENT_BUS_DEAD_LETTER_ENABLED: 'true',
      EVENT_MONITORING_ENABLED: 'true',
      EVENT_METRICS_EXPORT_INTERVAL: '3600000',
      INTERLINE_AUTO_REGISTER: 'false',
    })
    expect(options).toEqual({
      store: { type: 'postgres', postgres: { url: 'postgresql://app:secret@db/events', maxConnections: 20 } },
      retry: { maxAttempts: 4, backoff: { delayMs: 1_000 } },
      deadLetter: { enabled: true },
      unused: [],
      metrics: { collectEveryMs: 3_600_000 },
    })
    expect(optionsFromEnv({ EVENT_MONITORING_ENABLED: 'false' }).metrics).toBe(false)
    expect(optionsFromEnv({ EVENT_TRACKING_ENABLED: 'true' }).unused).toMatchObject([{ name: 'EVENT_TRACKING_ENABLED' }])
  })

  it('makes a bus that runs', async () => {
    const useFactory = () => ({ ...optionsFromEnv({ INTERLINE_SERVICE: 'from-env' }), broker: new MemoryBroker() })
    const app = await started({ imports: [InterlineModule.forRootAsync({ useFactory })], providers: [Journal, OrderMail] })
    await app.get<IEventBus>(IEventBus).publish(OrderPlaced({ orderId: 'o-1' }))
    await app.get<IEventBus>(IEventBus).idle()
    expect(app.get(Journal).lines).toEqual(['mail for o-1'])
  })
})
