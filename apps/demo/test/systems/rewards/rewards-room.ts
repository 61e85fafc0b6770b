import { randomUUID } from 'node:crypto'
import type { BusMetrics } from '@interline/telemetry'
import { findServer } from '@interline/testing'
import type { IEventBus } from 'interline'
import { removeSchema } from '../../../src/places/leftovers/postgres-schema.js'
import { createRewardsBus, rewardsMetrics } from '../../../src/systems/rewards/bus.js'
import { type DatabaseOptions, openDatabase, type RewardsDatabase } from '../../../src/systems/rewards/database.js'
import { LedgerService } from '../../../src/systems/rewards/wallet/ledger-service.js'
import { WalletService } from '../../../src/systems/rewards/wallet/wallet-service.js'

export interface Place {
  readonly url: string
  readonly schema: string
}

export async function newPlace(): Promise<Place> {
  const { url } = await findServer('postgres')
  return { url, schema: `rewards_${randomUUID().replaceAll('-', '').slice(0, 12)}` }
}

/** Wallets on a PostgreSQL server, where operations really are at the same time, and a bus in memory that relays their events. */
export class RewardsRoom implements AsyncDisposable {
  readonly ledger: LedgerService
  readonly wallets: WalletService
  readonly metrics: BusMetrics = rewardsMetrics()
  readonly bus: IEventBus

  private constructor(
    readonly place: Place,
    readonly database: RewardsDatabase,
  ) {
    this.ledger = new LedgerService(database)
    this.wallets = new WalletService(this.ledger, { retryBackoffMs: 1 })
    this.bus = createRewardsBus({ type: 'memory' }, database.outbox, this.metrics)
  }

  /** With a wallet of 1,000 points for each of these; the bus has not started. */
  static async open(userIds: readonly string[], options?: DatabaseOptions): Promise<RewardsRoom> {
    const place = await newPlace()
    const room = new RewardsRoom(place, await openDatabase(place, options))
    await room.wallets.openWallets(userIds, 1_000)
    return room
  }

  /** A wallet's balances, and their sum. */
  async balanceOf(id: string, kind: 'user' | 'model' = 'user'): Promise<{ available: number; escrow: number; sum: number }> {
    const { availableBalance: available = 0, escrowBalance: escrow = 0 } = (await this.ledger.wallet(kind, id)) ?? {}
    return { available, escrow, sum: available + escrow }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bus.close()
    await this.database[Symbol.asyncDispose]()
    await removeSchema(this.place)
  }
}
