import { DomainEvent, EventBus, recordOf } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { waitFor } from '@interline/testing'
import { expect, test } from 'vitest'
import { testStore } from './stores.js'

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

test('what is published is in the store, and reaches handlers from there', async () => {
  await using room = testStore()
  await using bus = new EventBus({ service: 'shop', broker: new MemoryBroker(), store: room.store })
  const devices: string[] = []
  await bus.subscribe(UserLoggedIn, ({ device }) => void devices.push(device), { name: 'devices' })
  await bus.start()
  await bus.publish(new UserLoggedIn('123', 'phone', 'req-789'))
  await bus.publish(new UserLoggedIn('456', 'laptop', 'req-789'))
  await bus.publish(new UserLoggedIn('123', 'tablet', 'req-790'))
  await waitFor(() => devices.length === 3, { what: 'the handler' })
  expect(devices).toEqual(['phone', 'laptop', 'tablet'])

  const eventStore = bus.getStore()
  const events = await eventStore.getEvents<UserLoggedIn>('user:123')
  expect(events.map((event) => [event instanceof UserLoggedIn, event.device, event.metadata.source])).toEqual([
    [true, 'phone', 'shop'],
    [true, 'tablet', 'shop'],
  ])
  expect(events.map((event) => recordOf(event)?.version)).toEqual([1, 2])
  const correlated = await eventStore.getEventsByCorrelationId<UserLoggedIn>('req-789')
  expect(correlated.map(({ device }) => device)).toEqual(['phone', 'laptop'])
  expect((await eventStore.getAllEvents<UserLoggedIn>(1, 1)).map(({ device }) => device)).toEqual(['laptop'])
  expect(await eventStore.deleteStream('user:123')).toBe(true)
  expect(await eventStore.getEvents('user:123')).toEqual([])
  expect(bus.getStore()).toBe(room.store)
})

test('what another process appended is forwarded once by the one that holds the lease', async () => {
  await using room = testStore()
  const seen: string[] = []
  const broker = new MemoryBroker()
  await using bus = new EventBus({ service: 'shop', broker, store: room.store })
  await bus.subscribe(UserLoggedIn, ({ userId }) => void seen.push(userId), { name: 'users' })
  await bus.start()
  const other = room.another()
  for (const user of ['1', '2', '3']) await other.saveEvents(`user:${user}`, [new UserLoggedIn(user, 'phone', 'r')], 'no-stream')
  await other.saveEvents('user:4', [new UserLoggedIn('4', 'phone', 'r')], 0, { forward: false })
  await other.saveEvents('user:5', [new UserLoggedIn('5', 'phone', 'r')], 0)
  await waitFor(() => seen.length >= 4, { what: 'what the other process appended', progress: () => seen.length })
  expect(seen).toEqual(['1', '2', '3', '5'])
})
