import assert from 'node:assert/strict'
import { DomainEvent, EventBus, EventStoreBase, type IEventStore, recordOf, StoredEvents } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { waitFor } from '../../waiting/wait-for.js'
import { collect, type StoreCase, type StoreRoom } from '../store-suite.js'

type Room = StoreRoom<IEventStore>

class UserLoggedIn extends DomainEvent {
  readonly eventType = 'UserLoggedIn'
  readonly version = 1
  readonly topic = 'users.logged-in'

  constructor(
    readonly userId: string,
    readonly device: string,
    correlationId: string,
  ) {
    super({ aggregateId: userId, aggregateType: 'user', correlationId })
  }
}

async function publishedThroughTheStore(room: Room): Promise<void> {
  const store = await room.store()
  await using bus = new EventBus({ service: 'shop', broker: new MemoryBroker(), store })
  const devices: string[] = []
  await bus.subscribe(UserLoggedIn, ({ device }) => void devices.push(device), { name: 'devices' })
  await bus.start()
  await bus.publish(new UserLoggedIn('123', 'phone', 'req-789'))
  await bus.publish(new UserLoggedIn('456', 'laptop', 'req-789'))
  await bus.publish(new UserLoggedIn('123', 'tablet', 'req-790'))
  await waitFor(() => devices.length === 3, { what: 'the handler', limitMs: room.limits.gapMs })
  assert.deepEqual(devices, ['phone', 'laptop', 'tablet'], 'handled in the order of the store')

  if (store instanceof EventStoreBase) assert.equal(bus.getStore(), store, 'a store with the helpers is handed out itself')
  const events = await bus.getStore().getEvents<UserLoggedIn>('user:123')
  assert.deepEqual(
    events.map((event) => [event instanceof UserLoggedIn, event.device, event.metadata.source, recordOf(event)?.version]),
    [
      [true, 'phone', 'shop', 1],
      [true, 'tablet', 'shop', 2],
    ],
  )
  const correlated = await bus.getStore().getEventsByCorrelationId<UserLoggedIn>('req-789')
  assert.deepEqual(
    correlated.map(({ device }) => device),
    ['phone', 'laptop'],
  )
  const [first] = await collect(store.readAll({ limit: 1 }))
  const next = await bus.getStore().getAllEvents<UserLoggedIn>(first?.position, 1)
  assert.deepEqual(
    next.map(({ device }) => device),
    ['laptop'],
  )
  assert.equal(await bus.getStore().deleteStream('user:123'), true)
  assert.deepEqual(await bus.getStore().getEvents('user:123'), [])
}

async function forwardedOnce(room: Room): Promise<void> {
  const store = await room.store()
  const other = new StoredEvents(await room.store())
  const seen: string[] = []
  await using bus = new EventBus({ service: 'shop', broker: new MemoryBroker(), store })
  await bus.subscribe(UserLoggedIn, ({ userId }) => void seen.push(userId), { name: 'users' })
  await bus.start()
  const login = (user: string): readonly UserLoggedIn[] => [new UserLoggedIn(user, 'phone', 'r')]
  for (const user of ['1', '2', '3']) await other.saveEvents(`user:${user}`, login(user), 'no-stream')
  await other.saveEvents('user:4', login('4'), 0, { forward: false })
  await other.saveEvents('user:5', login('5'), 0)
  await waitFor(() => seen.length >= 4, {
    what: 'what the other process appended',
    progress: () => seen.length,
    limitMs: room.limits.gapMs,
  })
  assert.deepEqual(seen, ['1', '2', '3', '5'], 'each once, and not what was not to be forwarded')
}

export const busCases: readonly StoreCase<IEventStore>[] = [
  { id: 'S01', title: 'what a bus publishes is in the store, and reaches handlers from there', run: publishedThroughTheStore },
  { id: 'S13', title: 'what another process appended is forwarded once by the bus that holds the lease', run: forwardedOnce },
]
