import { waitFor } from '@interline/testing'
import { ConfigurationError, EventBus, MemoryBroker, type WireMessage } from 'interline'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { counted, createRewardsBus, rewardsMetrics } from '../../../src/systems/rewards/bus.js'
import { type BalanceCacheOptions, BalanceSnapshotCache } from '../../../src/systems/rewards/events/balance-snapshot-cache.js'
import {
  BalanceUpdatedEvent,
  EscrowHeldEvent,
  EscrowPartialSettledEvent,
  EscrowSettledEvent,
  TransactionReason,
} from '../../../src/systems/rewards/events/wallet-events.js'
import { type Notification, subscribeNotifications } from '../../../src/systems/rewards/subscribers/notifications.js'
import { RewardsRoom } from './rewards-room.js'

const balance = (id: string, walletVersion: number, availableBalance: number): BalanceUpdatedEvent =>
  new BalanceUpdatedEvent({
    walletId: id,
    kind: 'user',
    availableBalance,
    escrowBalance: 0,
    walletVersion,
    transactionId: 'tx',
    idempotencyKey: `${id}:${walletVersion}`,
  })

const escrow = {
  userId: 'ada',
  escrowId: 'escrow-1',
  amount: 80,
  reason: TransactionReason.PERFORMANCE_REQUEST,
  transactionId: 'tx-1',
  userAvailableBalance: 920,
  userEscrowBalance: 80,
  idempotencyKey: 'hold-1',
}

describe('the balance cache', () => {
  let now = 0
  const cacheOf = (options: BalanceCacheOptions): BalanceSnapshotCache => new BalanceSnapshotCache(options, () => now)
  beforeEach(() => (now = 0))

  test('keeps the newest balance, in whatever order events come', () => {
    const cache = cacheOf({})
    cache.update(balance('ada', 3, 30))
    cache.update(balance('ada', 2, 20))
    expect(cache.getBalance('ada', 'user')).toMatchObject({ availableBalance: 30 })
  })

  test('forgets what was longest without a change where it is full', () => {
    const cache = cacheOf({ maxSize: 2 })
    for (const [id, version] of [
      ['ada', 1],
      ['ben', 1],
      ['ada', 2],
      ['cleo', 1],
    ] as const)
      cache.update(balance(id, version, 5))
    expect(['ada', 'ben', 'cleo'].map((id) => cache.getBalance(id, 'user') !== undefined)).toEqual([true, false, true])
  })

  test('forgets in time', () => {
    const cache = cacheOf({ ttlMs: 1_000 })
    cache.update(balance('ada', 1, 5))
    now = 999
    expect(cache.getBalance('ada', 'user')).toBeDefined()
    now = 1_000
    expect(cache.getBalance('ada', 'user')).toBeUndefined()
    expect(cache.size).toBe(0)
  })

  test('keeps nothing where it is off', () => {
    const cache = cacheOf({ enabled: false })
    cache.update(balance('ada', 1, 5))
    expect(cache.getBalance('ada', 'user')).toBeUndefined()
  })

  test.each([{ maxSize: 0 }, { ttlMs: Number.NaN }])('refuses %j', (options) => {
    expect(() => cacheOf(options)).toThrow(ConfigurationError)
  })
})

test('models are told of what they earned, of a part that is the part', async () => {
  await using bus = new EventBus({ asyncProcessing: false })
  const sent: Notification[] = []
  await subscribeNotifications(bus, { send: async (notification) => void sent.push(notification) })
  await bus.publish(new EscrowSettledEvent({ ...escrow, modelId: 'mia', idempotencyKey: 'settle-1' }))
  await bus.publish(
    new EscrowPartialSettledEvent({ ...escrow, modelId: 'noa', settledAmount: 30, refundedAmount: 50, idempotencyKey: 'settle-2' }),
  )
  expect(sent).toMatchObject([
    { recipientId: 'mia', variables: { amount: 80 } },
    { recipientId: 'noa', variables: { amount: 30 } },
  ])
})

describe('metrics', () => {
  let room: RewardsRoom
  beforeEach(async () => {
    room = await RewardsRoom.open(['ada'])
  })
  afterEach(() => room?.[Symbol.asyncDispose]())

  test('every name of the document counts what it says', async () => {
    const { bus, metrics, wallets } = room
    let failures = 1
    void bus.subscribe({
      subscriberId: 'failing-once',
      eventTypes: [EscrowHeldEvent],
      handler: () => {
        if (failures-- > 0) throw new Error('not yet')
      },
      failure: { retry: { maxAttempts: 2, backoff: { type: 'fixed', delayMs: 1, jitter: 0 } } },
    })
    await bus.start()
    await wallets.holdInEscrow({ userId: 'ada', amount: 80, idempotencyKey: 'hold-1' })
    // from a publisher that does not know that this was done
    await bus.publish(new EscrowHeldEvent(escrow))
    await bus.idle()
    const names = ['EVENT_PUBLISHED', 'EVENT_DUPLICATE_DETECTED', 'EVENT_NO_SUBSCRIBERS', 'EVENT_HANDLER_SUCCESS', 'EVENT_HANDLER_ERROR']
    const own = ['WALLET_EVENT_PUBLISHED', 'WALLET_EVENT_PUBLISH_ERROR']
    // the escrow, its balance and its ledger entry, of which nobody wants the last two; and the escrow again
    expect(Object.fromEntries([...names, ...own].map((name) => [name, counted(metrics, name)]))).toEqual({
      EVENT_PUBLISHED: 4,
      EVENT_DUPLICATE_DETECTED: 1,
      EVENT_NO_SUBSCRIBERS: 2,
      EVENT_HANDLER_SUCCESS: 1,
      EVENT_HANDLER_ERROR: 1,
      WALLET_EVENT_PUBLISHED: 4,
      WALLET_EVENT_PUBLISH_ERROR: 0,
    })
  })

  test('a broker that is down refuses no operation, and gets its events when it is back', async () => {
    class Failing extends MemoryBroker {
      down = true
      override async publish(messages: readonly WireMessage[]): Promise<void> {
        if (this.down) throw new Error('no route to the broker')
        await super.publish(messages)
      }
    }
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    const broker = new Failing()
    const metrics = rewardsMetrics()
    await using bus = createRewardsBus(broker, room.database.outbox, metrics)
    const seen: string[] = []
    void bus.subscribe(EscrowHeldEvent, ({ idempotencyKey }) => seen.push(String(idempotencyKey)), { name: 'seen' })
    await bus.start()
    await room.wallets.holdInEscrow({ userId: 'ada', amount: 80, idempotencyKey: 'hold-1' })
    await waitFor(() => counted(metrics, 'WALLET_EVENT_PUBLISH_ERROR') > 0, { what: 'the broker to refuse an event' })
    expect(await room.balanceOf('ada')).toMatchObject({ escrow: 80 })
    broker.down = false
    await bus.idle()
    expect(seen).toEqual(['hold-1'])
    expect(warn.mock.calls).toEqual([[expect.stringContaining('waits in the outbox'), { error: 'no route to the broker' }]])
    warn.mockRestore()
  })
})
