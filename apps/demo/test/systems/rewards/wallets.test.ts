import { waitFor } from '@interline/testing'
import { IdempotencyConflictError } from 'interline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { audit, totalOf } from '../../../src/systems/rewards/audit.js'
import { counted } from '../../../src/systems/rewards/bus.js'
import { BalanceUpdatedEvent, EscrowHeldEvent } from '../../../src/systems/rewards/events/wallet-events.js'
import { InsufficientFundsError, OptimisticLockError, RefusedError } from '../../../src/systems/rewards/wallet/errors.js'
import { linesOf } from '../../../src/systems/rewards/wallet/movement.js'
import { retryOnConflict } from '../../../src/systems/rewards/wallet/retry-on-conflict.js'
import { WalletService } from '../../../src/systems/rewards/wallet/wallet-service.js'
import { RewardsRoom } from './rewards-room.js'

const users = ['ada', 'ben', 'cleo', 'dan', 'eve', 'fay', 'gil', 'hal', 'ida'] as const
let room: RewardsRoom
beforeAll(async () => {
  room = await RewardsRoom.open(users)
})
afterAll(() => room?.[Symbol.asyncDispose]())

const key = (idempotencyKey: string): { readonly idempotencyKey: string } => ({ idempotencyKey })

describe('operations', () => {
  test('what is held goes to the model, and the ledger has both sides', async () => {
    const { escrowId } = await room.wallets.holdInEscrow({ ...key('ada-1'), userId: 'ada', amount: 300 })
    expect(await room.balanceOf('ada')).toEqual({ available: 700, escrow: 300, sum: 1_000 })
    await room.wallets.settleEscrow({ ...key('ada-2'), escrowId, modelId: 'mia' })
    expect(await room.balanceOf('ada')).toMatchObject({ available: 700, escrow: 0 })
    expect(await room.balanceOf('mia', 'model')).toMatchObject({ available: 300, escrow: 0 })
    expect(await audit(room.database.query)).toMatchObject({ total: 1_000 * users.length, differing: [], unheld: [] })
  })

  test('a show that was cut short is paid in part, and the rest comes back', async () => {
    for (const [name, settleAmount] of [
      ['ben-1', 30],
      ['ben-2', 20],
    ] as const) {
      const { escrowId } = await room.wallets.holdInEscrow({ ...key(name), userId: 'ben', amount: 80 })
      await room.wallets.partiallySettleEscrow({ ...key(name), escrowId, modelId: 'noa', settleAmount })
    }
    expect(await room.balanceOf('ben')).toMatchObject({ available: 950, escrow: 0 })
    expect(await room.balanceOf('noa', 'model')).toMatchObject({ available: 50 })
  })

  test('an escrow ends once: of a settlement and a refund at the same time one is refused', async () => {
    const { escrowId } = await room.wallets.holdInEscrow({ ...key('cleo-1'), userId: 'cleo', amount: 100 })
    const ends = await Promise.allSettled([
      room.wallets.settleEscrow({ ...key('cleo-2'), escrowId, modelId: 'oda' }),
      room.wallets.refundEscrow({ ...key('cleo-3'), escrowId }),
    ])
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({ reason: expect.any(RefusedError) })
    const [cleo, oda] = await Promise.all([room.balanceOf('cleo'), room.balanceOf('oda', 'model')])
    expect(cleo.sum + oda.sum).toBe(1_000)
  })

  test.each([
    ['more than there is', { userId: 'dan', amount: 1_001 }, 'Wallet "dan" has 1000 available, and 1001 were to be held'],
    ['a part of a point', { userId: 'dan', amount: 0.5 }, 'amount is 0.5; give whole points'],
    ['less than nothing', { userId: 'dan', amount: -5 }, 'amount is -5; give whole points'],
    ['for a wallet that nobody opened', { userId: 'zoe', amount: 5 }, 'There is no wallet "zoe". Open it first.'],
  ])('holding %s is refused and changes nothing', async (what, request, message) => {
    await expect(room.wallets.holdInEscrow({ ...key(what), ...request })).rejects.toThrow(message)
    expect(await room.balanceOf('dan')).toEqual({ available: 1_000, escrow: 0, sum: 1_000 })
  })

  test('a part that is all, and an escrow that nobody knows, are refused', async () => {
    const { escrowId } = await room.wallets.holdInEscrow({ ...key('dan-1'), userId: 'dan', amount: 10 })
    const part = { escrowId, modelId: 'mia', settleAmount: 10 }
    await expect(room.wallets.partiallySettleEscrow({ ...key('dan-2'), ...part })).rejects.toThrow('settle a smaller part')
    await expect(room.wallets.refundEscrow({ ...key('dan-3'), escrowId: 'lost' })).rejects.toThrow('There is no escrow "lost"')
    await room.wallets.refundEscrow({ ...key('dan-4'), escrowId })
  })

  test('a movement that makes points is refused before it is tried', () => {
    const user = { kind: 'user', id: 'ada', availableBalance: 1, escrowBalance: 1, version: 1 } as const
    const escrow = { id: 'e', userId: 'ada', amount: 1, state: 'held' } as const
    const announce = (): Promise<void> => Promise.resolve()
    expect(() => linesOf({ user, escrow, toAvailable: 2, toEscrow: -1, announce })).toThrow('would make 1 out of nothing')
  })
})

describe('idempotency', () => {
  test('a request that comes again gets the first result, and nothing moves twice', async () => {
    const request = { ...key('eve-1'), userId: 'eve', amount: 50 }
    const [first, twin] = await Promise.all([room.wallets.holdInEscrow(request), room.wallets.holdInEscrow(request)])
    expect(twin).toEqual(first)
    await room.wallets.refundEscrow({ ...key('eve-2'), escrowId: first.escrowId })
    // also when the balances are others by now, and from a service that was made since
    expect(await new WalletService(room.ledger).holdInEscrow({ ...request, correlationId: 'again' })).toEqual(first)
    expect(await room.balanceOf('eve')).toEqual({ available: 1_000, escrow: 0, sum: 1_000 })
  })

  test('a key belongs to one operation, and to one request', async () => {
    const { escrowId } = await room.wallets.holdInEscrow({ ...key('fay'), userId: 'fay', amount: 50 })
    await room.wallets.refundEscrow({ ...key('fay'), escrowId })
    await expect(room.wallets.holdInEscrow({ ...key('fay'), userId: 'fay', amount: 51 })).rejects.toBeInstanceOf(IdempotencyConflictError)
    expect(await room.balanceOf('fay')).toEqual({ available: 1_000, escrow: 0, sum: 1_000 })
  })

  test('an operation that a process did and could not tell of is not done again', async () => {
    const request = { ...key('gil'), userId: 'gil', amount: 50 }
    const first = await room.wallets.holdInEscrow(request)
    // as if it had died before its result was kept
    await room.database.query(`DELETE FROM interline_operations`)
    expect(await room.wallets.holdInEscrow(request)).toEqual(first)
    expect(await room.balanceOf('gil')).toMatchObject({ escrow: 50 })
  })

  test('what was refused may be asked for again when things are better', async () => {
    const request = { ...key('hal'), userId: 'hal', amount: 600 }
    const { escrowId } = await room.wallets.holdInEscrow({ ...key('hal-before'), userId: 'hal', amount: 500 })
    await expect(room.wallets.holdInEscrow(request)).rejects.toBeInstanceOf(InsufficientFundsError)
    await room.wallets.refundEscrow({ ...key('hal-back'), escrowId })
    await room.wallets.holdInEscrow(request)
    expect(await room.balanceOf('hal')).toMatchObject({ escrow: 600 })
  })
})

describe('optimistic locks', () => {
  test('a change between the look and the change is noticed, and the operation done again', async () => {
    const before = room.wallets.lockConflicts
    let holding: Promise<unknown> = Promise.resolve()
    await room.database.transaction(async ({ query }) => {
      await query(`UPDATE wallets SET available_balance = available_balance - 1, version = version + 1 WHERE id = 'ida'`)
      // looks at the wallet as it was, and waits for its row
      holding = room.wallets.holdInEscrow({ ...key('ida'), userId: 'ida', amount: 100 })
      await waitFor(async () => (await waitingIn(room)) > 0, { what: 'the hold to wait for the wallet' })
    })
    await holding
    expect(room.wallets.lockConflicts).toBe(before + 1)
    expect(await room.balanceOf('ida')).toMatchObject({ available: 899, escrow: 100 })
    await room.database.query(`UPDATE wallets SET available_balance = available_balance + 1, version = version + 1 WHERE id = 'ida'`)
  })

  test('a lost race is run again after 100, 200 and 400 ms, and then given up', async () => {
    const waits: number[] = []
    const lose = (): Promise<never> => Promise.reject(new OptimisticLockError('wallet', 'ada'))
    const retry = { maxRetryAttempts: 3, retryBackoffMs: 100 }
    await expect(retryOnConflict(lose, retry, async (delayMs) => waits.push(delayMs))).rejects.toThrow('The wallet "ada" was changed')
    expect(waits).toEqual([100, 200, 400])
  })

  test.each([{ maxRetryAttempts: -1 }, { maxRetryAttempts: 1.5 }, { retryBackoffMs: Number.NaN }])('%j is refused', (options) => {
    expect(() => new WalletService(room.ledger, options)).toThrow(/The wallet service got \w+: .*; give a whole number/)
  })

  test('anything else is no reason to try again', async () => {
    let runs = 0
    const refuse = async (): Promise<never> => {
      runs++
      throw new RefusedError('no')
    }
    await expect(retryOnConflict(refuse, { maxRetryAttempts: 3, retryBackoffMs: 1 })).rejects.toThrow('no')
    expect(runs).toBe(1)
  })
})

// last, as it starts the bus
test('what was committed before there was a bus to tell of it is told when there is one, each once', async () => {
  const held: string[] = []
  const balances = new Map<string, number>()
  const handled = { name: 'seen', priority: 5 }
  void room.bus.subscribe(EscrowHeldEvent, ({ transactionId }) => held.push(transactionId), handled)
  void room.bus.subscribe(BalanceUpdatedEvent, ({ walletId, walletVersion }) => balances.set(walletId, walletVersion), { name: 'balances' })
  await room.bus.start()
  await room.bus.idle()
  const { operations } = await audit(room.database.query)
  const holds = operations.filter(({ operation }) => operation === 'hold-escrow').map(({ transactionId }) => transactionId)
  expect(held.sort()).toEqual(holds.sort())
  // one client's key came with two operations, and both have changed the balance
  expect(balances.get('fay')).toBe(3)
  expect(counted(room.metrics, 'WALLET_EVENT_PUBLISH_ERROR')).toBe(0)
  expect(await totalOf(room.database.query)).toBe(1_000 * users.length)
})

/** Statements that wait for a lock in this room's schema. */
async function waitingIn({ database, place }: RewardsRoom): Promise<number> {
  const rows = await database.query(
    `SELECT 1 FROM pg_locks l JOIN pg_class c ON c.relname = 'wallets' AND c.relnamespace = to_regnamespace($1)
     JOIN pg_locks row ON row.pid = l.pid AND row.relation = c.oid WHERE NOT l.granted`,
    [place.schema],
  )
  return rows.length
}
