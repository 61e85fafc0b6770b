import {
  type ClaimedSaga,
  type DueSagas,
  type IClock,
  type ISagaStore,
  type SagaChange,
  type SagaFilter,
  type SagaLease,
  type SagaList,
  type SagaPage,
  type SagaRecord,
  type SaveSagaOptions,
  systemClock,
} from '@interline/core'

export interface MemorySagaStoreOptions {
  readonly clock?: IClock | undefined
}

interface Held {
  readonly record: SagaRecord
  readonly leasedUntil: number
}

const defaultLimit = 100
const ended = new Set(['completed', 'compensated'])

/** Sagas among the users of one instance: tests that stand for several processes, and a program that has only one. */
export class MemorySagaStore implements ISagaStore {
  readonly #clock: IClock
  /** In the order of their creation. */
  readonly #held = new Map<string, Held>()
  /** Those for which something is to be done without an event. */
  readonly #due = new Set<string>()
  readonly #callbacks = new Set<() => void>()

  constructor({ clock = systemClock }: MemorySagaStoreOptions = {}) {
    this.#clock = clock
  }

  create(type: string, id: string, change: SagaChange, { leaseMs }: SagaLease): ClaimedSaga | undefined {
    if (this.#held.has(nameOf(type, id))) return undefined
    const now = this.#clock.now()
    return this.#hold({ type, id, ...change, revision: 1, createdAt: now, updatedAt: now }, now + leaseMs)
  }

  load(type: string, id: string): SagaRecord | undefined {
    return this.#held.get(nameOf(type, id))?.record
  }

  claim(type: string, id: string, { leaseMs }: SagaLease): ClaimedSaga | 'busy' | undefined {
    const held = this.#held.get(nameOf(type, id))
    if (held === undefined) return undefined
    const now = this.#clock.now()
    if (held.leasedUntil > now) return 'busy'
    return this.#claim(held, leaseMs)
  }

  claimDue(types: readonly string[], { leaseMs, limit }: SagaLease & { readonly limit: number }): DueSagas {
    const now = this.#clock.now()
    const due: { readonly held: Held; readonly at: number }[] = []
    let nextAt = Number.POSITIVE_INFINITY
    for (const name of this.#due) {
      const held = this.#held.get(name) as Held
      const { record, leasedUntil } = held
      if (!types.includes(record.type)) continue
      const at = Math.max(record.dueAt as number, leasedUntil)
      if (at <= now) due.push({ held, at })
      else nextAt = Math.min(nextAt, at)
    }
    due.sort((left, right) => left.at - right.at)
    if (due.length > limit) nextAt = now
    const claimed = due.slice(0, limit).map(({ held }) => this.#claim(held, leaseMs))
    return { claimed, nextInMs: nextAt === Number.POSITIVE_INFINITY ? undefined : nextAt - now }
  }

  save({ type, id, revision }: SagaRecord, change: SagaChange, { leaseMs }: SaveSagaOptions): SagaRecord | undefined {
    const record = this.#held.get(nameOf(type, id))?.record
    if (record?.revision !== revision) return undefined
    const now = this.#clock.now()
    const until = leaseMs === undefined ? 0 : now + leaseMs
    return this.#hold({ ...record, ...change, revision: revision + 1, updatedAt: now }, until).record
  }

  renew({ type, id, revision }: SagaRecord, { leaseMs }: SagaLease): boolean {
    const held = this.#held.get(nameOf(type, id))
    if (held?.record.revision !== revision) return false
    this.#held.set(nameOf(type, id), { ...held, leasedUntil: this.#clock.now() + leaseMs })
    return true
  }

  list(filter: SagaFilter = {}, { limit = defaultLimit, after }: SagaPage = {}): SagaList {
    const all = this.#matching(filter)
    const from = after === undefined ? 0 : all.findIndex((record) => nameOf(record.type, record.id) === after) + 1
    const sagas = all.slice(from, from + limit)
    const last = sagas.at(-1)
    return { sagas, next: last !== undefined && from + limit < all.length ? nameOf(last.type, last.id) : undefined }
  }

  count(filter: SagaFilter = {}): number {
    return this.#matching(filter).length
  }

  removeEnded(before: Date): number {
    const old = this.#matching({}).filter(({ status, updatedAt }) => ended.has(status) && updatedAt < before.getTime())
    for (const { type, id } of old) this.#held.delete(nameOf(type, id))
    return old.length
  }

  onChanged(callback: () => void): () => void {
    const call = (): void => callback()
    this.#callbacks.add(call)
    return () => void this.#callbacks.delete(call)
  }

  #matching({ type, status }: SagaFilter): SagaRecord[] {
    return [...this.#held.values()]
      .map(({ record }) => record)
      .filter((record) => (type === undefined || record.type === type) && (status === undefined || record.status === status))
  }

  #claim({ record, leasedUntil }: Held, leaseMs: number): ClaimedSaga {
    const claimed = this.#hold({ ...record, revision: record.revision + 1 }, this.#clock.now() + leaseMs)
    return { ...claimed, lapsed: leasedUntil > 0 }
  }

  #hold(record: SagaRecord, leasedUntil: number): ClaimedSaga {
    const name = nameOf(record.type, record.id)
    this.#held.set(name, { record, leasedUntil })
    if (record.dueAt === undefined) this.#due.delete(name)
    else this.#due.add(name)
    for (const callback of this.#callbacks) callback()
    return { record, now: this.#clock.now(), lapsed: false }
  }
}

/** Types and ids are any text. */
function nameOf(type: string, id: string): string {
  return JSON.stringify([type, id])
}
