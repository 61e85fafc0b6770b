import { ConfigurationError, type IEventBus, type Subscription } from 'interline'
import { getEventBus } from './event-bus.js'
import { BalanceUpdatedEvent, type WalletKind } from './wallet-events.js'

export interface BalanceCacheOptions {
  readonly enabled?: boolean | undefined
  /** Beyond that the balances that were longest without a change are forgotten. */
  readonly maxSize?: number | undefined
  readonly ttlMs?: number | undefined
}

export interface BalanceSnapshot {
  readonly availableBalance: number
  readonly escrowBalance: number
  readonly lastUpdated: Date
}

interface Kept extends BalanceSnapshot {
  readonly version: number
  readonly until: number
}

const defaults = { enabled: true, maxSize: 10_000, ttlMs: 3_600_000 } as const

/** Balances as the events tell them, without a query. What it does not know, the database does. */
export class BalanceSnapshotCache {
  readonly #options: { readonly enabled: boolean; readonly maxSize: number; readonly ttlMs: number }
  readonly #now: () => number
  readonly #kept = new Map<string, Kept>()

  constructor({ enabled, maxSize, ttlMs }: BalanceCacheOptions = {}, now: () => number = Date.now) {
    this.#options = {
      enabled: enabled ?? defaults.enabled,
      maxSize: atLeastOne('maxSize', maxSize ?? defaults.maxSize),
      ttlMs: atLeastOne('ttlMs', ttlMs ?? defaults.ttlMs),
    }
    this.#now = now
  }

  /** Every process has a cache of its own, so each gets every event. */
  subscribe(bus: IEventBus): Promise<Subscription> {
    return bus.subscribe(BalanceUpdatedEvent, (event) => this.update(event), { name: 'balance-cache', priority: 1, broadcast: true })
  }

  update(event: BalanceUpdatedEvent): void {
    if (!this.#options.enabled) return
    const { availableBalance, escrowBalance, timestamp, walletVersion } = event
    const name = nameOf(event.walletId, event.kind)
    // a retried event may come after a newer one
    if ((this.#kept.get(name)?.version ?? 0) >= walletVersion) return
    this.#kept.delete(name)
    this.#kept.set(name, {
      availableBalance,
      escrowBalance,
      lastUpdated: timestamp,
      version: walletVersion,
      until: this.#now() + this.#options.ttlMs,
    })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > this.#options.maxSize && oldest !== undefined) this.#kept.delete(oldest)
  }

  getBalance(id: string, kind: WalletKind): BalanceSnapshot | undefined {
    const name = nameOf(id, kind)
    const kept = this.#kept.get(name)
    if (kept === undefined) return undefined
    if (kept.until <= this.#now()) {
      this.#kept.delete(name)
      return undefined
    }
    const { availableBalance, escrowBalance, lastUpdated } = kept
    return { availableBalance, escrowBalance, lastUpdated }
  }

  get size(): number {
    return this.#kept.size
  }
}

const cacheOf = new WeakMap<IEventBus, BalanceSnapshotCache>()

/** The cache of the process' bus, subscribed when it is first asked for. */
export function getBalanceCache(): BalanceSnapshotCache {
  const bus = getEventBus()
  const known = cacheOf.get(bus)
  if (known !== undefined) return known
  const cache = new BalanceSnapshotCache()
  // what a broker refuses of a subscription is told by the start of the bus as well
  cache.subscribe(bus).catch(() => cacheOf.delete(bus))
  cacheOf.set(bus, cache)
  return cache
}

function nameOf(id: string, kind: WalletKind): string {
  return `${kind}:${id}`
}

function atLeastOne(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 1) return value
  throw new ConfigurationError(`The balance cache got ${name}: ${value}; give a number from 1.`)
}
