import { BaseEvent, defineEvent, EventBus, newEventId, staticSchema } from '@interline/core'
import {
  AggregateRoot,
  EventReplayService,
  EventSourcedAggregate,
  Repository,
  SnapshotService,
  snapshotOptionsFromEnv,
} from '@interline/domain'
import { MemoryBroker, MemoryEventStore, MemorySnapshotStore } from '@interline/memory'
import { describe, expect, test } from 'vitest'

/** Events as the document of SuperApp writes them: plain objects. */
interface DomainEvent {
  id: string
  type: string
  timestamp: Date
  version: number
  metadata: { correlationId: string; causationId?: string; userId?: string; source: string; environment: string }
  aggregateId: string
  aggregateType: string
  data: Record<string, unknown>
}

class Cart extends EventSourcedAggregate<DomainEvent> {
  items: string[] = []

  addItem(item: string): void {
    this.addEvent({
      id: newEventId(),
      type: 'seed.ItemAdded',
      timestamp: new Date(0),
      version: this.version + 1,
      metadata: { correlationId: 'request-1', source: 'gamifier', environment: 'test' },
      aggregateId: this.id,
      aggregateType: 'Cart',
      data: { item },
    })
  }

  apply(event: DomainEvent): void {
    if (event.type === 'seed.ItemAdded') this.items.push(String(event.data.item))
  }
}

describe('what the documents show', () => {
  test('an aggregate with apply, addEvent, changes, commit and loadFromHistory', async () => {
    const eventStore = new MemoryEventStore()
    const cart = new Cart('cart-1')
    cart.addItem('pen')
    cart.addItem('ink')
    expect([cart.version, cart.changes.length]).toEqual([2, 2])
    await cart.commit(eventStore)
    expect(cart.changes).toEqual([])
    const again = new Cart('cart-1')
    again.loadFromHistory(await eventStore.getEvents<never>('Cart:cart-1'))
    expect([again.items, again.version]).toEqual([['pen', 'ink'], 2])
    const [first] = await eventStore.getEvents('Cart:cart-1')
    expect(first?.metadata).toMatchObject({ aggregateType: 'Cart', correlationId: 'request-1', source: 'gamifier', environment: 'test' })
    // The race that the document's sketch would lose.
    const late = new Cart('cart-1')
    late.addItem('rubber')
    await expect(late.commit(eventStore)).rejects.toMatchObject({ expected: 0, actual: 2 })
  })

  test('a store asked for an aggregate, whose events are applied one by one', async () => {
    const eventStore = new MemoryEventStore()
    await new Repository(Cart, { store: eventStore }).update('cart-2', (cart) => cart.addItem('pen'))
    const aggregate = new Cart('cart-2')
    for (const event of await eventStore.getEvents<never>('Cart:cart-2')) await aggregate.apply(event)
    expect(aggregate.items).toEqual(['pen'])
  })

  test('an aggregate root that registers events, and a publisher that is given them', async () => {
    class WalletCreatedEvent extends BaseEvent {
      readonly eventType = 'seed.WalletCreated'
      constructor(readonly name: string) {
        super()
      }
    }
    class Wallet extends AggregateRoot<WalletCreatedEvent> {
      static open(id: string, name: string): Wallet {
        const wallet = new Wallet(id)
        wallet.registerEvent(new WalletCreatedEvent(name))
        return wallet
      }
    }
    await using bus = new EventBus({ broker: new MemoryBroker() })
    const seen: string[] = []
    await bus.subscribe(WalletCreatedEvent, ({ name }) => void seen.push(name), { name: 'welcome' })
    const wallet = Wallet.open('w-1', 'savings')
    await bus.publishBatch(wallet.pullEvents())
    await bus.idle()
    expect([seen, wallet.changes]).toEqual([['savings'], []])
  })

  test('snapshots by the environment, and replay by type, by aggregate, in batches, and to another time', async () => {
    const PriceFeedUpdated = defineEvent('seed.PriceFeedUpdated', { schema: staticSchema<{ price: number }>() })
    class PriceFeed extends EventSourcedAggregate<ReturnType<typeof PriceFeedUpdated>> {
      price = 0
      set(price: number): void {
        this.addEvent(PriceFeedUpdated({ price }))
      }
      apply({ data }: ReturnType<typeof PriceFeedUpdated>): void {
        this.price = data.price
      }
      override toSnapshot(): unknown {
        return { price: this.price }
      }
      override fromSnapshot(state: unknown): void {
        this.price = (state as { price: number }).price
      }
    }
    const store = new MemoryEventStore()
    const kept = new MemorySnapshotStore()
    const environment = { SNAPSHOT_INTERVAL_VERSIONS: '5', SNAPSHOT_RETENTION_DAYS: '30' }
    const feeds = new Repository(PriceFeed, { store, snapshots: new SnapshotService(kept, snapshotOptionsFromEnv(environment)) })
    for (const price of [1, 2, 3, 4, 5, 6]) await feeds.update('eur', (feed) => feed.set(price))
    expect(kept.load('PriceFeed:eur')?.version).toBe(5)
    const replay = new EventReplayService({ store })
    const prices: number[] = []
    const show = ({ data }: { data: { price: number } }): void => void prices.push(data.price)
    await replay.replayByType([PriceFeedUpdated], show)
    await replay.replayByAggregate('PriceFeed', 'eur', show)
    await replay.replayInBatches(4, {}, show)
    expect(prices).toEqual([1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6])
    expect((await replay.timeTravel(feeds, 'eur', new Date())).price).toBe(6)
  })
})
