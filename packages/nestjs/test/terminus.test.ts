import { ForwardingBroker } from '@interline/testing'
import { Controller, Get, Inject } from '@nestjs/common'
import { HealthCheckService, TerminusModule } from '@nestjs/terminus'
import { EventHandler, MemoryBroker } from 'interline'
import { expect, it } from 'vitest'
import { EventBusHealthIndicator, IEventBus, InterlineModule } from '../src/index.js'
import { application, listening } from './applications.js'
import { OrderPlaced } from './orders.js'

@Controller('health')
class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(EventBusHealthIndicator) private readonly events: EventBusHealthIndicator,
  ) {}

  @Get()
  check() {
    return this.health.check([() => this.events.isHealthy('events'), () => this.events.isHealthy('audit', { bus: 'audit' })])
  }
}

@EventHandler(OrderPlaced)
class Failing {
  handle(): void {
    throw new Error('no')
  }
}

class Switchable extends ForwardingBroker {
  away = false

  override async health(options?: object) {
    return this.away ? ({ status: 'fail', output: 'The line is cut.' } as const) : await super.health(options)
  }
}

it('Terminus is told of every bus: what fails is down, what only waits is up', async () => {
  const broker = new Switchable(new MemoryBroker())
  const app = await application({
    imports: [
      TerminusModule.forRoot({ logger: false }),
      InterlineModule.forRoot({ service: 'shop', retry: { maxAttempts: 1 } }),
      InterlineModule.forRoot({ service: 'shop', name: 'audit', broker }),
    ],
    controllers: [HealthController],
    providers: [Failing],
  })
  const url = `${await listening(app)}/health`
  const asked = async () => {
    const answer = await fetch(url)
    return { code: answer.status, ...((await answer.json()) as { status: string; details: object }) }
  }
  expect(await asked()).toMatchObject({
    code: 200,
    status: 'ok',
    details: { events: { status: 'up', health: 'pass' }, audit: { status: 'up' } },
  })

  await app.get<IEventBus>(IEventBus).publish(OrderPlaced({ orderId: 'o-1' }))
  await app.get<IEventBus>(IEventBus).idle()
  const output = { 'memory:dead-letters': 'Dead letters wait to be redriven or discarded: 1.' }
  expect(await asked()).toMatchObject({ code: 200, details: { events: { status: 'up', health: 'warn', output } } })

  broker.away = true
  const down = { status: 'down', health: 'fail', output: { 'memory:connection': 'The line is cut.' } }
  expect(await asked()).toMatchObject({ code: 503, status: 'error', details: { events: { status: 'up' }, audit: down } })
})
