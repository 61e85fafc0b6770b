import {
  type BrokerCapabilities,
  type CommonBusOptions,
  ConfigurationError,
  DefaultRoutingStrategy,
  defineEvent,
  EventPriority,
  HybridEventBus,
  type IRoutingStrategy,
  PublishError,
  type Receive,
  type Source,
  staticSchema,
  topic,
  type WireMessage,
} from '@interline/core'
import { MemoryBroker, MemoryEventStore } from '@interline/memory'
import { Gate, waitFor } from '@interline/testing'
import { afterEach, expect, test } from 'vitest'

/** A broker on a server, as far as a bus can tell; what it stores can be refused. */
class RemoteBroker extends MemoryBroker {
  override readonly capabilities: BrokerCapabilities = { ...new MemoryBroker().capabilities, local: false, durable: true }
  down = false
  readonly stored: WireMessage[] = []

  override publish(messages: readonly WireMessage[]): void | Promise<void> {
    if (this.down) return Promise.reject(new PublishError('The server is down.', { outcome: 'failed' }))
    this.stored.push(...messages)
    return super.publish(messages)
  }
}

const schema = staticSchema<{ n: number }>()
const Alert = defineEvent('hybrid.Alert', { topic: 'alerts.raised', priority: EventPriority.CRITICAL, schema, key: () => 'one' })
const Report = defineEvent('hybrid.Report', { topic: 'reports.made', schema })
const Tick = defineEvent('hybrid.Tick', { topic: 'ticks.ticked', schema })

const buses: HybridEventBus[] = []

function hybrid(
  remoteBroker: RemoteBroker,
  options: CommonBusOptions & { readonly routingStrategy?: IRoutingStrategy } = {},
): HybridEventBus {
  const bus = new HybridEventBus({
    localBroker: new MemoryBroker(),
    remoteBroker,
    routingStrategy: new DefaultRoutingStrategy([Tick.type]),
    ...options,
  })
  buses.push(bus)
  return bus
}

/** A handler that keeps what it saw. */
function keeper(): { readonly seen: number[]; readonly handle: (event: { data: { n: number } }) => void } {
  const seen: number[] = []
  return { seen, handle: ({ data }) => void seen.push(data.n) }
}

afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close({ timeoutMs: 500 })
})

test('an event of a local type reaches every subscription of this process and never the remote broker', async () => {
  const remote = new RemoteBroker()
  const bus = hybrid(remote)
  const [own, broadcast] = [keeper(), keeper()]
  await bus.subscribe(Tick, own.handle, { name: 'own' })
  await bus.subscribe(Tick, broadcast.handle, { name: 'broadcast', broadcast: true })
  await bus.start()
  await bus.publish(Tick({ n: 1 }))
  await bus.idle()
  expect(own.seen).toEqual([1])
  expect(broadcast.seen).toEqual([1])
  expect(remote.stored).toEqual([])
})

test('both: each broadcast subscription of each process sees an event once, every other subscription once in all', async () => {
  const remote = new RemoteBroker()
  const processes = [hybrid(remote), hybrid(remote)]
  const broadcasts = [keeper(), keeper()]
  const own = keeper()
  for (const [index, bus] of processes.entries()) {
    await bus.subscribe(Alert, own.handle, { name: 'own' })
    await bus.subscribe(Alert, (broadcasts[index] as ReturnType<typeof keeper>).handle, { name: 'cache', broadcast: true })
    await bus.start()
  }
  for (let n = 0; n < 100; n++) await processes[0]?.publish(Alert({ n }))
  for (const bus of processes) await bus.idle()
  const all = Array.from({ length: 100 }, (_, n) => n)
  expect(own.seen).toEqual(all)
  expect(broadcasts[0]?.seen).toEqual(all)
  expect(broadcasts[1]?.seen).toEqual(all)
})

test('both: the remote broker accepts first, and a broadcast subscription here has seen the event when publish resolves', async () => {
  const remote = new RemoteBroker()
  const bus = hybrid(remote)
  const acceptedBefore: number[] = []
  await bus.subscribe(Alert, () => void acceptedBefore.push(remote.stored.length), { name: 'cache', broadcast: true })
  await bus.start()
  await bus.publish(Alert({ n: 1 }))
  expect(acceptedBefore).toEqual([1])
})

test('normal events go to the remote broker only, unless a function decides otherwise', async () => {
  const remote = new RemoteBroker()
  const bus = hybrid(remote, {
    routingStrategy: new DefaultRoutingStrategy([], [], { decide: ({ type }) => (type === Report.type ? 'local' : undefined) }),
  })
  await bus.publishBatch([Report({ n: 1 }), Tick({ n: 2 }), Alert({ n: 3 })])
  expect(remote.stored.map(({ attributes }) => attributes.type)).toEqual([Tick.type, Alert.type])
})

test('a remote broker that is down makes publish reject, and nobody here has seen the event', async () => {
  const remote = new RemoteBroker()
  const bus = hybrid(remote)
  const broadcast = keeper()
  await bus.subscribe(Alert, broadcast.handle, { name: 'cache', broadcast: true })
  await bus.start()
  remote.down = true
  await expect(bus.publish(Alert({ n: 1 }))).rejects.toThrow(PublishError)
  expect(broadcast.seen).toEqual([])
  await expect(bus.publish(Tick({ n: 2 }))).resolves.toBeUndefined()
})

test('with a store, an event waits there while the remote broker is down, and is forwarded once, in order, when it is back', async () => {
  const remote = new RemoteBroker()
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
  const bus = hybrid(remote, { store: new MemoryEventStore(), logger: silent })
  const own = keeper()
  await bus.subscribe(Alert, own.handle, { name: 'own' })
  await bus.start()
  remote.down = true
  for (let n = 0; n < 20; n++) await bus.publish(Alert({ n }))
  expect(own.seen).toEqual([])
  remote.down = false
  await waitFor(() => own.seen.length === 20, { limitMs: 5_000, what: 'the forwarded events' })
  await bus.idle()
  expect(own.seen).toEqual(Array.from({ length: 20 }, (_, n) => n))
})

test('a local broker that leaves the process is refused', () => {
  expect(() => new HybridEventBus({ localBroker: new RemoteBroker(), remoteBroker: new RemoteBroker() })).toThrow(ConfigurationError)
})

test('a strategy that answers nonsense, or a type in both lists, is refused', async () => {
  expect(() => new DefaultRoutingStrategy(['A'], ['A'])).toThrow('"A" is in both lists')
  const bus = hybrid(new RemoteBroker(), { routingStrategy: { route: () => 'everywhere' as 'both' } })
  await expect(bus.publish(Tick({ n: 1 }))).rejects.toThrow(ConfigurationError)
})

test('an event for both sides is taken where broadcast subscriptions want only other events', async () => {
  const bus = hybrid(new RemoteBroker())
  const [alerts, reports] = [keeper(), keeper()]
  await bus.subscribe(Report, reports.handle, { name: 'reports', broadcast: true })
  await bus.subscribe(Alert, alerts.handle, { name: 'alerts' })
  await bus.publish(Alert({ n: 1 }))
  await bus.idle()
  expect([alerts.seen, reports.seen]).toEqual([[1], []])
})

test('a broadcast subscription by a pattern sees the first event of a destination once', async () => {
  const bus = hybrid(new RemoteBroker())
  const all = keeper()
  await bus.subscribe(topic<{ data: { n: number } }>('>'), all.handle, { name: 'all', broadcast: true })
  await bus.start()
  await bus.publish(Alert({ n: 1 }))
  await bus.publish(Alert({ n: 2 }))
  await bus.idle()
  expect(all.seen).toEqual([1, 2])
})

/** Takes subscriptions only when it is told to. */
class SlowLocalBroker extends MemoryBroker {
  readonly asked = new Gate()
  readonly answer = new Gate()

  override async subscribe(source: Source, receive: Receive): Promise<Awaited<ReturnType<MemoryBroker['subscribe']>>> {
    this.asked.open()
    await this.answer.opened
    return super.subscribe(source, receive)
  }
}

test('a subscription that ends while the local side is opened is not opened on the remote one', async () => {
  const localBroker = new SlowLocalBroker()
  const bus = new HybridEventBus({ localBroker, remoteBroker: new RemoteBroker() })
  buses.push(bus)
  const { seen, handle } = keeper()
  const subscription = await bus.subscribe(Report, handle, { name: 'gone' })
  const started = bus.start()
  await localBroker.asked.opened
  const ended = subscription.unsubscribe()
  localBroker.answer.open()
  await Promise.all([started, ended])
  await bus.publish(Report({ n: 1 }))
  await bus.idle()
  expect(seen).toEqual([])
})
