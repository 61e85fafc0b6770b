import { isDeepStrictEqual } from 'node:util'
import { OptimisticLockError, RefusedError } from './wallet/errors.js'
import type { WalletResult } from './wallet/movement.js'
import type { WalletService } from './wallet/wallet-service.js'

/** What became of what clients asked for. */
export interface TrafficReport {
  readonly requests: number
  /** The transactions that were answered, each operation once. */
  readonly done: ReadonlySet<string>
  readonly refused: number
  /** Lost against others as often as they were tried. */
  readonly gaveUp: number
  /** Asked for twice at the same time, under one key. */
  readonly repeated: number
  /** Those of them that were not answered alike. */
  readonly contradicted: number
}

export interface Crowd {
  /** Eight requests each. */
  readonly users: number
  readonly models: number
}

/** What each user's wallet has at first, and what nobody can pay. */
export const openingPoints = 1_000
const tooMuch = 5_000

export function userIds({ users }: Crowd): readonly string[] {
  return Array.from({ length: users }, (_, number) => `user-${number}`)
}

/** Every user at once does four things at once. Asked again, with the same keys, it is the same. */
export async function sendTraffic(wallets: WalletService, crowd: Crowd): Promise<TrafficReport> {
  const clients = new Clients()
  await Promise.all(
    userIds(crowd).map(async (userId, number) => {
      const modelId = `model-${number % crowd.models}`
      const key = (name: string): { readonly idempotencyKey: string } => ({ idempotencyKey: `${userId}-${name}` })
      // which of the first four requests that can be done is sent twice
      const doubtful = number % 4
      const hold = (name: string, amount: number, times: 1 | 2): Promise<WalletResult | undefined> =>
        clients.send(times, () => wallets.holdInEscrow({ ...key(name), userId, amount, featureType: 'performance' }))
      const settled = async (): Promise<void> => {
        const held = await hold('show', 100, doubtful === 0 ? 2 : 1)
        if (held === undefined) return
        const { escrowId } = held
        await clients.send(doubtful === 1 ? 2 : 1, () => wallets.settleEscrow({ ...key('show'), escrowId, modelId }))
      }
      const refunded = async (): Promise<void> => {
        const held = await hold('called-off', 50, 1)
        if (held === undefined) return
        const { escrowId } = held
        await clients.send(doubtful === 2 ? 2 : 1, () => wallets.refundEscrow({ ...key('called-off'), escrowId }))
      }
      const cutShort = async (): Promise<void> => {
        const held = await hold('cut-short', 80, 1)
        if (held === undefined) return
        const { escrowId } = held
        await clients.send(doubtful === 3 ? 2 : 1, () =>
          wallets.partiallySettleEscrow({ ...key('cut-short'), escrowId, modelId, settleAmount: 30 }),
        )
      }
      await Promise.all([settled(), refunded(), cutShort(), hold('too-much', tooMuch, 1)])
    }),
  )
  return clients.report
}

class Clients {
  readonly report = { requests: 0, done: new Set<string>(), refused: 0, gaveUp: 0, repeated: 0, contradicted: 0 }

  /** `undefined` where it was not done. Throws what nobody expects. */
  async send(times: 1 | 2, request: () => Promise<WalletResult>): Promise<WalletResult | undefined> {
    this.report.requests += times
    const [first, second] = await Promise.all(Array.from({ length: times }, () => this.#answered(request)))
    if (times === 2) {
      this.report.repeated++
      // one that gave up leaves it to the other
      if (first !== undefined && second !== undefined && !isDeepStrictEqual(first, second)) this.report.contradicted++
    }
    const result = first ?? second
    if (result !== undefined) this.report.done.add(result.transactionId)
    return result
  }

  async #answered(request: () => Promise<WalletResult>): Promise<WalletResult | undefined> {
    try {
      return await request()
    } catch (thrown) {
      if (thrown instanceof RefusedError) this.report.refused++
      else if (thrown instanceof OptimisticLockError) this.report.gaveUp++
      else throw thrown
      return undefined
    }
  }
}
