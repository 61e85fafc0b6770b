import assert from 'node:assert/strict'
import {
  type Abortable,
  type Awaitable,
  defineEvent,
  type EventDefinition,
  EventPriority,
  HybridEventBus,
  type IBroker,
  PublishError,
  staticSchema,
  type WireMessage,
} from '@interline/core'
import { MemoryBroker, MemoryEventStore } from '@interline/memory'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { ascending, numbers, range, type Thing, type ThingEvent, ThingMade } from '../contract/events.js'
import type { Room } from '../contract/room.js'
import { ForwardingBroker } from '../forwarding-broker.js'
import { type Recorder, recorder } from '../waiting/recorder.js'

const schema = staticSchema<Thing>()
const key = (data: Thing): string | undefined => data.key
/** Goes both ways by its priority. */
const Alarmed: EventDefinition<string, Thing> = defineEvent('interline.test.Alarmed', {
  topic: 'alarms.raised',
  priority: EventPriority.CRITICAL,
  schema,
  key,
})
/** Stays in its process by the list. */
export const Ticked: EventDefinition<string, Thing> = defineEvent('interline.test.Ticked', { topic: 'ticks.ticked', schema, key })

/** A remote broker whose publishing can be refused, and which knows what it has accepted. */
class Watched extends ForwardingBroker {
  readonly accepted: string[] = []
  refuses = false

  override async publish(messages: readonly WireMessage[], { signal }: Abortable = {}): Promise<void> {
    if (this.refuses) throw new PublishError('The remote broker takes nothing for now.', { outcome: 'failed' })
    await this.inner.publish(messages, { signal })
    this.accepted.push(...messages.map(({ attributes }) => attributes.type ?? ''))
  }
}

interface Process {
  readonly bus: HybridEventBus
  readonly remote: Watched
  readonly own: Recorder<ThingEvent>
  readonly broadcast: Recorder<ThingEvent>
}

/** One process: a subscription of its group and a broadcast one, both to every event. */
async function start(room: Room, options: { readonly store?: MemoryEventStore } = {}): Promise<Process> {
  let remote: Watched | undefined
  const bus = room.bus({ ...options, wrap: (broker) => (remote = new Watched(broker)) }) as HybridEventBus
  const [own, broadcast] = [recorder<ThingEvent>(), recorder<ThingEvent>()]
  await bus.subscribe([Alarmed, Ticked, ThingMade], own.handle, { name: 'own' })
  await bus.subscribe([Alarmed, Ticked, ThingMade], broadcast.handle, { name: 'cache', broadcast: true })
  await bus.start()
  return { bus, remote: remote ?? assert.fail(), own, broadcast }
}

async function routes(room: Room): Promise<void> {
  const { bus, remote, own, broadcast } = await start(room)
  await bus.publishBatch([Ticked({ n: 1 }), ThingMade({ n: 2 }), Alarmed({ n: 3 })])
  await room.handled(own, 3)
  await room.handled(broadcast, 3)
  await room.drained(bus)
  assert.deepEqual([...remote.accepted].sort(), [Alarmed.type, ThingMade.type].sort(), 'local events never leave')
  assert.deepEqual(
    [own, broadcast].map(({ events }) => ascending(numbers(events))),
    [
      [1, 2, 3],
      [1, 2, 3],
    ],
    'each saw each, once',
  )
}

async function localAlone(room: Room): Promise<void> {
  const { bus, remote, own } = await start(room)
  remote.refuses = true
  for (const n of range(20)) await bus.publish(Ticked({ n, key: 'one' }))
  await room.handled(own, 20)
  assert.deepEqual(numbers(own.events), range(20))
}

async function acceptedFirst(room: Room): Promise<void> {
  const { bus, remote, broadcast } = await start(room)
  const acceptedBefore: number[] = []
  await bus.subscribe(Alarmed, () => void acceptedBefore.push(remote.accepted.length), { name: 'order', broadcast: true })
  await bus.publish(Alarmed({ n: 1 }))
  await room.waitFor(() => acceptedBefore.length > 0, { what: 'the broadcast subscription' })
  assert.deepEqual(acceptedBefore, [1], 'the remote broker accepts first')
  assert.equal(broadcast.events.length, 1)
}

async function oncePerGroup(room: Room): Promise<void> {
  const processes = [await start(room), await start(room)]
  const count = room.count(1_000, 100)
  for (const n of range(count)) await processes[n % 2]?.bus.publish(Alarmed({ n, key: `key-${n % 8}` }))
  const own = (): readonly number[] => processes.flatMap((process) => numbers(process.own.events))
  await room.waitFor(() => own().length >= count, { what: 'every event in the group', progress: () => own().length })
  for (const { broadcast } of processes) await room.handled(broadcast, count)
  await room.drained(...processes.map(({ bus }) => bus))
  assert.deepEqual(ascending(own()), range(count), 'once by the group')
  for (const { broadcast } of processes) assert.deepEqual(ascending(numbers(broadcast.events)), range(count), 'once in each process')
}

async function refusedUnseen(room: Room): Promise<void> {
  const { bus, remote, own, broadcast } = await start(room)
  remote.refuses = true
  await assert.rejects(bus.publish(Alarmed({ n: 1 })), PublishError)
  remote.refuses = false
  await bus.publish(Alarmed({ n: 2 }))
  await room.handled(own, 1)
  assert.deepEqual([numbers(own.events), numbers(broadcast.events)], [[2], [2]], 'nobody saw what the remote broker refused')
}

async function waitsInStore(room: Room): Promise<void> {
  const { bus, remote, own } = await start(room, { store: new MemoryEventStore() })
  remote.refuses = true
  for (const n of range(20)) await bus.publish(Alarmed({ n, key: 'one' }))
  assert.deepEqual(own.events, [])
  remote.refuses = false
  await room.handled(own, 20)
  await room.drained(bus)
  assert.deepEqual(numbers(own.events), range(20), 'once, in order, when the remote broker is back')
}

/** A local broker whose process ends at the moment when it should take something in. */
class Dying extends MemoryBroker {
  override publish(): Awaitable<void> {
    return new Promise(() => undefined)
  }
}

async function diesInBetween(room: Room): Promise<void> {
  const remoteBroker: IBroker = room.broker()
  const dying = new HybridEventBus({ service: 'publisher', localBroker: new Dying(), remoteBroker })
  await dying.subscribe(Alarmed, () => undefined, { name: 'cache', broadcast: true })
  await dying.start()
  const { own } = await start(room)
  void dying.publish(Alarmed({ n: 1 })).catch(() => undefined)
  await room.handled(own, 1)
  assert.deepEqual(numbers(own.events), [1], 'what the remote broker accepted is handled, whatever becomes of its publisher')
  await dying.close({ timeoutMs: 0 })
}

export const hybridCases: readonly BrokerCase[] = cases(
  { id: 'H01', title: 'hybrid: routes by list and by priority', run: routes },
  { id: 'H02', title: 'hybrid: local events need no remote broker', run: localAlone },
  { id: 'H03', title: 'hybrid: the remote broker accepts first', run: acceptedFirst },
  { id: 'H04', title: 'hybrid: with two processes once by the group, and a broadcast once in each', run: oncePerGroup },
  { id: 'H05', title: 'hybrid: what the remote broker refuses is rejected, and nobody sees it', run: refusedUnseen },
  { id: 'H06', title: 'hybrid: with a store it waits there for the remote broker', run: waitsInStore },
  { id: 'H07', title: 'hybrid: a publisher that dies between the two sides loses nothing', run: diesInBetween },
)
