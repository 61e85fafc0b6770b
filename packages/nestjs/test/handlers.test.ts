import { Controller, Inject, Injectable, Module, type OnModuleInit, Scope } from '@nestjs/common'
import { REQUEST } from '@nestjs/core'
import { EventHandler, EventHandlerRegistry, type EventOf, HandleEvent, type HandlerObject, topic } from 'interline'
import { afterEach, expect, it } from 'vitest'
import { IEventBus, InterlineModule } from '../src/index.js'
import { application, started } from './applications.js'
import { Journal, OrderMail, OrderPlaced, OrderShipped, Parcels } from './orders.js'

const shop = { service: 'shop' } as const
const placed = OrderPlaced({ orderId: 'o-1' })

afterEach(() => EventHandlerRegistry.getInstance().clear())

it('decorated providers handle events with what was injected into them', async () => {
  const app = await started({ imports: [InterlineModule.forRoot(shop)], providers: [Journal, OrderMail, Parcels] })
  const bus = app.get<IEventBus>(IEventBus)
  await bus.publish(placed)
  await bus.publish(new OrderShipped('o-2'))
  await bus.idle()
  expect(app.get(Journal).lines.sort()).toEqual(['mail for o-1', 'parcel for o-2'])
})

it('so do controllers, factories and values, and a class that is decorated the other way around', async () => {
  const lines: string[] = []
  class ByHand {
    readonly name: string
    constructor(name: string) {
      this.name = name
    }

    @HandleEvent(OrderPlaced)
    onPlaced(): void {
      lines.push(this.name)
    }
  }
  class ByFactory extends ByHand {}
  @Controller('orders')
  class Orders {
    @HandleEvent(OrderPlaced)
    onPlaced(): void {
      lines.push('controller')
    }
  }
  @EventHandler(OrderPlaced)
  @Injectable()
  class Reversed {
    constructor(readonly journal: Journal) {}

    handle(): void {
      lines.push(`reversed with ${this.journal.constructor.name}`)
    }
  }
  const value = { provide: 'by-value', useValue: new ByHand('value') }
  const factory = { provide: 'by-factory', useFactory: () => new ByFactory('factory') }
  const app = await started({
    imports: [InterlineModule.forRoot(shop)],
    providers: [Journal, value, factory, Reversed],
    controllers: [Orders],
  })
  const bus = app.get<IEventBus>(IEventBus)
  await bus.publish(placed)
  await bus.idle()
  expect(lines.sort()).toEqual(['controller', 'factory', 'reversed with Journal', 'value'])
})

it('a provider that is known by several names handles an event once', async () => {
  const alias = { provide: 'mail', useExisting: OrderMail }
  const app = await started({ imports: [InterlineModule.forRoot(shop)], providers: [Journal, OrderMail, alias] })
  const bus = app.get<IEventBus>(IEventBus)
  await bus.publish(placed)
  await bus.idle()
  expect(app.get(Journal).lines).toEqual(['mail for o-1'])
})

it('a provider may subscribe by itself, with a handler object and the name of a type', async () => {
  class MyEventHandler implements HandlerObject<EventOf<typeof OrderPlaced>> {
    readonly handled: string[] = []

    handle({ eventType, data }: EventOf<typeof OrderPlaced>): void {
      this.handled.push(`${eventType} ${data.orderId}`)
    }
  }
  @Injectable()
  class MyService implements OnModuleInit {
    readonly handler = new MyEventHandler()

    constructor(@Inject('EventBus') private readonly eventBus: IEventBus) {}

    async onModuleInit(): Promise<void> {
      await this.eventBus.subscribe('nest.OrderPlaced', this.handler)
    }

    async performAction(): Promise<void> {
      await this.eventBus.publish(placed)
    }
  }
  const app = await started({ imports: [InterlineModule.forRoot(shop)], providers: [MyService] })
  const service = app.get(MyService)
  await service.performAction()
  await app.get<IEventBus>(IEventBus).idle()
  expect(service.handler.handled).toEqual(['nest.OrderPlaced o-1'])
})

it('two applications of one process have each its own handlers, and none that another bus could take', async () => {
  const metadata = () => ({ imports: [InterlineModule.forRoot(shop)], providers: [Journal, OrderMail] })
  const [one, other] = [await started(metadata()), await started(metadata())]
  expect(EventHandlerRegistry.getInstance().handlers).toEqual([])
  const bus = one.get<IEventBus>(IEventBus)
  await bus.publish(placed)
  await bus.idle()
  await other.get<IEventBus>(IEventBus).idle()
  expect(one.get(Journal).lines).toEqual(['mail for o-1'])
  expect(other.get(Journal).lines).toEqual([])
})

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  constructor(@Inject(REQUEST) readonly request: object) {}
}

it.each(['request', 'transient', 'below'] as const)('a handler that is no singleton is refused: %s', async (which) => {
  @Injectable({ scope: which === 'request' ? Scope.REQUEST : which === 'transient' ? Scope.TRANSIENT : Scope.DEFAULT })
  class Scoped {
    constructor(@Inject(which === 'below' ? PerRequest : Journal) readonly needed: object) {}

    @HandleEvent(topic('nest-orders.placed'))
    onPlaced(): void {}
  }
  @Module({ providers: [Scoped, PerRequest, Journal] })
  class Orders {}
  const app = await application({ imports: [InterlineModule.forRoot(shop), Orders] })
  await expect(app.init()).rejects.toThrow(/^Scoped of Orders handles events and is no singleton: .* Make it a singleton/)
})

it('one handler in two modules is refused, as it would handle everything twice', async () => {
  @Module({ providers: [Journal, OrderMail] })
  class Orders {}
  @Module({ providers: [Journal, OrderMail] })
  class Shop {}
  const app = await application({ imports: [InterlineModule.forRoot(shop), Orders, Shop] })
  await expect(app.init()).rejects.toThrow(/OrderMail of Orders and OrderMail of Shop are two instances of one handler/)
})

it('what a decorator leaves open is told with the name of its class', async () => {
  @Injectable()
  @EventHandler(OrderPlaced)
  class Forgotten {}
  const app = await application({ imports: [InterlineModule.forRoot(shop)], providers: [Forgotten] })
  await expect(app.init()).rejects.toThrow(/Forgotten is decorated with @EventHandler, and nothing handles the event/)
})
