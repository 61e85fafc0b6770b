import { EventBus, type IEventBus, MemoryBroker } from 'interline'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { BalanceSnapshotCache, getBalanceCache } from '../../src/systems/rewards/events/balance-snapshot-cache.js'
import type { FieldsOf } from '../../src/systems/rewards/events/base-reward-event.js'
import { getEventBus, useEventBus } from '../../src/systems/rewards/events/event-bus.js'
import { WalletEventPublisher } from '../../src/systems/rewards/events/wallet-event-publisher.js'
import { EscrowHeldEvent, type RewardEvent, TransactionReason, WalletEventType } from '../../src/systems/rewards/events/wallet-events.js'
import { OptimisticLockError } from '../../src/systems/rewards/wallet/errors.js'
import { LedgerService } from '../../src/systems/rewards/wallet/ledger-service.js'
import { WalletService } from '../../src/systems/rewards/wallet/wallet-service.js'
import { RewardsRoom } from '../systems/rewards/rewards-room.js'

// Snippets stand as the document has them, under its headings. What it leaves out (services, ids) is filled in above them.

const held = {
  userId: 'user-123',
  escrowId: 'escrow-456',
  amount: 100,
  reason: TransactionReason.PERFORMANCE_REQUEST,
  transactionId: 'tx-abc',
  userAvailableBalance: 900,
  userEscrowBalance: 100,
  idempotencyKey: 'hold-123',
} satisfies FieldsOf<EscrowHeldEvent>
const settled = { ...held, modelId: 'model-7', idempotencyKey: 'settle-123' }

describe('on the bus of the process', () => {
  let bus: IEventBus
  beforeEach(() => {
    bus = new EventBus({ asyncProcessing: false })
    useEventBus(bus)
  })
  afterEach(async () => {
    useEventBus(undefined)
    await bus.close()
  })

  test('event publishers', async () => {
    const published: unknown[] = []
    void bus.subscribe({ subscriberId: 'any', eventTypes: ['ESCROW_HELD'], handler: (event) => published.push(event) })

    await WalletEventPublisher.publishEscrowHeld({
      userId: 'user-123',
      escrowId: 'escrow-456',
      amount: 100,
      reason: TransactionReason.PERFORMANCE_REQUEST,
      queueItemId: 'queue-789',
      featureType: 'performance',
      transactionId: 'tx-abc',
      userAvailableBalance: 900,
      userEscrowBalance: 100,
      idempotencyKey: 'hold-123',
    })

    expect(published).toMatchObject([{ eventType: 'ESCROW_HELD', queueItemId: 'queue-789', featureType: 'performance', amount: 100 }])
    const [event] = published as [EscrowHeldEvent]
    // what the document says that all events have
    expect(event).toMatchObject({ eventId: expect.any(String), idempotencyKey: 'hold-123', correlationId: event.eventId, version: 1 })
    expect(event).toMatchObject({ timestamp: expect.any(Date), source: 'app' })
  })

  test('event subscribers', async () => {
    const log = vi.spyOn(console, 'log').mockReturnValue()
    const eventBus = getEventBus()

    eventBus.subscribe({
      subscriberId: 'my-subscriber',
      eventTypes: [WalletEventType.ESCROW_HELD],
      handler: async (event) => {
        // Process event
        console.log('Escrow held:', event)
      },
      priority: 10, // Lower = higher priority
    })

    await WalletEventPublisher.publishEscrowHeld(held)
    expect(log.mock.calls).toEqual([['Escrow held:', expect.objectContaining({ userId: 'user-123' })]])
    log.mockRestore()
  })

  test('example 1, real-time balance cache', async () => {
    const log = vi.spyOn(console, 'log').mockReturnValue()
    // Cache automatically subscribes to balance events
    const cache = getBalanceCache()

    const userBalance = { walletId: 'user-123', kind: 'user', availableBalance: 900, escrowBalance: 100 } as const
    await WalletEventPublisher.publishBalanceUpdated({ ...userBalance, walletVersion: 2, transactionId: 'tx-abc', idempotencyKey: 'b-1' })

    // Fast balance lookup without DB query
    const balance = cache.getBalance('user-123', 'user')
    if (balance) {
      console.log('Available:', balance.availableBalance)
      console.log('Escrow:', balance.escrowBalance)
      console.log('Last updated:', balance.lastUpdated)
    }

    expect(log.mock.calls).toEqual([
      ['Available:', 900],
      ['Escrow:', 100],
      ['Last updated:', expect.any(Date)],
    ])
    expect(getBalanceCache()).toBe(cache)
    expect(cache.getBalance('user-123', 'model')).toBeUndefined()
    log.mockRestore()
  })

  test('examples 2, 3 and 4: activity feed, notification service, analytics and reporting, in the order of their priorities', async () => {
    const calls: [string, unknown][] = []
    const call = (name: string) => async (what: unknown) => void calls.push([name, what])
    const activityFeedService = { createEntry: call('feed') }
    const notificationService = { send: call('notification') }
    const analyticsService = { track: call('analytics') }

    const eventBus = getEventBus()

    eventBus.subscribe({
      subscriberId: 'analytics',
      eventTypes: [WalletEventType.ESCROW_HELD, WalletEventType.ESCROW_SETTLED],
      handler: async (event) => {
        // Track metrics
        await analyticsService.track({
          eventType: event.eventType,
          userId: event.userId,
          amount: event.amount,
          timestamp: event.timestamp,
        })
      },
      priority: 50, // Lower priority for analytics
    })

    eventBus.subscribe({
      subscriberId: 'activity-feed',
      eventTypes: [WalletEventType.ESCROW_HELD, WalletEventType.ESCROW_SETTLED, WalletEventType.ESCROW_REFUNDED],
      handler: async (event) => {
        // Create activity feed entry
        await activityFeedService.createEntry({
          userId: event.userId,
          eventType: event.eventType,
          timestamp: event.timestamp,
          metadata: {
            amount: event.amount,
            reason: event.reason,
          },
        })
      },
    })

    eventBus.subscribe({
      subscriberId: 'notification-service',
      eventTypes: [WalletEventType.ESCROW_SETTLED],
      handler: async (event) => {
        // Notify model of earnings
        await notificationService.send({
          recipientId: event.modelId,
          template: 'earnings_received',
          variables: {
            amount: event.amount,
            timestamp: event.timestamp,
          },
        })
      },
    })

    await WalletEventPublisher.publishEscrowSettled(settled)
    const [amount, timestamp] = [100, expect.any(Date)]
    expect(calls).toEqual([
      ['feed', { userId: 'user-123', eventType: 'ESCROW_SETTLED', timestamp, metadata: { amount, reason: 'performance_request' } }],
      ['notification', { recipientId: 'model-7', template: 'earnings_received', variables: { amount, timestamp } }],
      ['analytics', { eventType: 'ESCROW_SETTLED', userId: 'user-123', amount, timestamp }],
    ])
  })

  test('migration guide: it runs, but the event of an operation that was done is lost', async () => {
    const error = vi.spyOn(console, 'error').mockReturnValue()
    class Down extends MemoryBroker {
      override publish(): Promise<void> {
        return Promise.reject(new Error('no route to the broker'))
      }
    }
    await using down = new EventBus({ broker: new Down(), asyncProcessing: true })
    useEventBus(down)
    const { userId, escrowId, amount, ...otherParams } = held

    // After successful wallet operation
    try {
      await WalletEventPublisher.publishEscrowHeld({
        userId,
        escrowId,
        amount,
        ...otherParams,
      })
    } catch (eventError) {
      console.error('Failed to publish event:', eventError)
      // Don't throw - operation already succeeded
    }

    expect(error.mock.calls).toEqual([['Failed to publish event:', expect.any(Error)]])
    error.mockRestore()
  })
})

describe('unit tests', () => {
  test('with what the handler gets said: names of types are text, from which no type is known', async () => {
    const event = new EscrowHeldEvent(held)

    const eventBus = new EventBus({ asyncProcessing: false })
    const handledEvents: RewardEvent[] = []

    eventBus.subscribe({
      subscriberId: 'test',
      eventTypes: [WalletEventType.ESCROW_HELD],
      handler: async (event: RewardEvent) => handledEvents.push(event),
    })

    await eventBus.publish(event)
    expect(handledEvents).toHaveLength(1)

    expect(handledEvents[0]).toBeInstanceOf(EscrowHeldEvent)
    await eventBus.close()
  })

  test('an event as a plain object, with all the fields that the document names, is the same event', async () => {
    await using eventBus = new EventBus({ asyncProcessing: false })
    const handledEvents: EscrowHeldEvent[] = []
    void eventBus.subscribe(EscrowHeldEvent, (event) => handledEvents.push(event), { name: 'test' })
    const described = { eventId: 'event-1', eventType: 'ESCROW_HELD', timestamp: new Date(), correlationId: 'req-1', source: 'wallet' }
    await eventBus.publish({ ...held, ...described, version: '1.0.0' })
    await eventBus.publish({ ...held, ...described, version: '1.0.0', eventId: 'event-2' })
    expect(handledEvents).toHaveLength(1)
    expect(handledEvents[0]).toMatchObject({ eventId: 'event-1', idempotencyKey: 'hold-123', source: 'wallet', amount: 100 })
  })
})

describe('with wallets', () => {
  const initialBalance = 1_000
  const userId = 'user-123'
  const setUp = (): Promise<RewardsRoom> => RewardsRoom.open([userId])

  test('optimistic locking: any store with a compare-and-set has this form, and ours is one statement of SQL', async () => {
    await using room = await setUp()
    const WalletModel = walletModel(room)
    const newBalance = 900
    const update = async (currentVersion: number): Promise<void> => {
      // Update wallet with version check
      const updated = await WalletModel.findOneAndUpdate(
        {
          userId: { $eq: userId },
          version: { $eq: currentVersion }, // Optimistic lock
        },
        {
          $set: {
            availableBalance: newBalance,
            version: currentVersion + 1, // Increment version
          },
        },
        { new: true },
      )

      if (!updated) {
        throw new OptimisticLockError('wallet', userId)
      }
    }
    await update(1)
    await expect(update(1)).rejects.toThrow(new OptimisticLockError('wallet', userId))
    expect(await room.balanceOf(userId)).toMatchObject({ available: 900 })
  })

  test('integration tests: with idle(), as the event is published after the commit', async () => {
    await using room = await setUp()
    const { wallets: walletService, bus: eventBus } = room

    // Setup event subscriber
    const balances: { amount?: unknown }[] = []
    eventBus.subscribe({
      subscriberId: 'test-subscriber',
      eventTypes: [WalletEventType.ESCROW_HELD],
      handler: async (event) => balances.push(event),
    })

    // Perform wallet operation
    await walletService.holdInEscrow({
      userId: 'user-123',
      amount: 100,
      idempotencyKey: 'hold-1',
    })
    await eventBus.idle()

    // Verify event was published
    expect(balances).toHaveLength(1)
    expect(balances[0]?.amount).toBe(100)
  })

  test('concurrency tests', async () => {
    await using room = await setUp()
    const { wallets: walletService } = room
    const WalletModel = walletModel(room)
    const request = (number: number) => ({ userId, amount: 400, idempotencyKey: `hold-${number}` })
    const [request1, request2, request3] = [request(1), request(2), request(3)] as const

    // Execute concurrent operations
    const results = await Promise.allSettled([
      walletService.holdInEscrow(request1),
      walletService.holdInEscrow(request2),
      walletService.holdInEscrow(request3),
    ])

    // Verify all succeeded or failed gracefully
    const succeeded = results.filter((r) => r.status === 'fulfilled')
    expect(succeeded.length).toBeGreaterThan(0)

    // Verify balance consistency
    const wallet = await WalletModel.findOne({ userId })
    expect(wallet.availableBalance + wallet.escrowBalance).toBe(initialBalance)

    expect(succeeded).toHaveLength(2)
    expect(wallet).toEqual({ availableBalance: 200, escrowBalance: 800 })
  })
})

describe('configuration', () => {
  test('event bus configuration', async () => {
    const eventBus = new EventBus({
      enableDeduplication: true, // Enable idempotency
      deduplicationTtlMs: 3600000, // 1 hour TTL
      maxRetryAttempts: 3, // Retry failed handlers 3 times
      retryDelayMs: 1000, // 1 second between retries
      asyncProcessing: true, // Fire and forget
    })
    await eventBus.start()
    await eventBus.close()
  })

  test('wallet service configuration', async () => {
    await using room = await RewardsRoom.open([])
    const ledgerService = new LedgerService(room.database)

    const walletService = new WalletService(ledgerService, {
      maxRetryAttempts: 3, // Retry on lock conflicts
      retryBackoffMs: 100, // Exponential backoff base
      defaultCurrency: 'points', // Default currency
    })

    await walletService.openWallets(['user-123'], 10)
    await walletService.holdInEscrow({ userId: 'user-123', amount: 10, idempotencyKey: 'hold-1' })
    const currencies = await room.database.query('SELECT DISTINCT currency FROM ledger_entries')
    expect(currencies).toEqual([{ currency: 'points' }])
  })

  test('balance cache configuration', () => {
    const cache = new BalanceSnapshotCache({
      enabled: true, // Enable cache
      maxSize: 10000, // Cache up to 10k balances
      ttlMs: 3600000, // 1 hour TTL
    })

    expect(cache.size).toBe(0)
  })
})

/** What the snippets use of a model of Mongoose, over the table of wallets. */
function walletModel(room: RewardsRoom) {
  interface Filter {
    readonly userId: { readonly $eq: string }
    readonly version: { readonly $eq: number }
  }
  interface Update {
    readonly $set: { readonly availableBalance: number; readonly version: number }
  }
  return {
    async findOneAndUpdate({ userId, version }: Filter, { $set }: Update, _options: { readonly new: true }): Promise<unknown> {
      const [updated] = await room.database.query(
        `UPDATE wallets SET available_balance = $3, version = $4 WHERE id = $1 AND version = $2 RETURNING id`,
        [userId.$eq, version.$eq, $set.availableBalance, $set.version],
      )
      return updated
    },
    async findOne({ userId }: { readonly userId: string }): Promise<{ availableBalance: number; escrowBalance: number }> {
      const { available, escrow } = await room.balanceOf(userId)
      return { availableBalance: available, escrowBalance: escrow }
    },
  }
}
