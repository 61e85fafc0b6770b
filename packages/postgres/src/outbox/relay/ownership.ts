import { plainArray, prepared, type Statement } from '../../database/statement.js'
import type { OutboxLink } from '../outbox-link.js'

interface Claimed {
  readonly owned: ReadonlySet<number>
  readonly share: number
  readonly since: string
}

const nothing: Claimed = { owned: new Set(), share: 0, since: '' }

/** Which partitions are this relay's, and until when by this process's clock: always earlier than by the server's. */
export class Ownership {
  readonly #link: OutboxLink
  readonly #relay: string
  readonly #leaseMs: number
  readonly #claim: Statement
  #claimed = nothing
  #until = 0
  #last: Promise<void> = Promise.resolve()

  constructor(link: OutboxLink, relay: string, leaseMs: number) {
    this.#link = link
    this.#relay = relay
    this.#leaseMs = leaseMs
    this.#claim = prepared(`SELECT * FROM ${link.names.claim}($1::text, $2::text::bigint, $3::text::smallint[], $4::text::boolean)`)
  }

  /** Those that nobody else can have now. */
  get owned(): ReadonlySet<number> {
    return this.sure ? this.#claimed.owned : nothing.owned
  }

  /** False where so little was heard of the database that others may have them. */
  get sure(): boolean {
    return performance.now() < this.#until
  }

  /** Since when nobody else can have had those that it has: another time where the relay was taken for dead meanwhile. */
  get since(): string {
    return this.#claimed.since
  }

  /** How many it should have; as relays come and go, it may have more or fewer for a moment. */
  get share(): number {
    return this.#claimed.share
  }

  /** Says that it is alive, gives some back, and takes its share of what is free. One call at a time: an older answer must not come last. */
  renew(give: readonly number[] = []): Promise<void> {
    const renewed = this.#last.then(() => this.#renew(give))
    this.#last = renewed.catch(() => undefined)
    return renewed
  }

  /** Gives all back. */
  async leave(): Promise<void> {
    this.#until = 0
    await this.#last
    await this.#link.read('leave the outbox', (query) => query(this.#claim, [this.#relay, String(this.#leaseMs), '{}', 'true']))
  }

  async #renew(give: readonly number[]): Promise<void> {
    const before = performance.now()
    const values = [this.#relay, String(this.#leaseMs), plainArray(give), 'false']
    const [row] = await this.#link.read('renew the lease of the outbox', (query) => query(this.#claim, values))
    const [owned, share, since] = row as [string, number, string]
    this.#claimed = { owned: new Set(owned === '' ? [] : owned.split(',').map(Number)), share: Number(share), since }
    this.#until = before + this.#leaseMs * 0.8
  }
}
