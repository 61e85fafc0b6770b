import { plainArray, prepared, type Statement, TextList } from '../../database/statement.js'
import type { EntryState } from '../entry-state.js'
import type { OutboxLink } from '../outbox-link.js'
import type { OutboxNames } from '../outbox-names.js'
import { type TakenEntry, takenEntry } from './taken-entry.js'

/** An entry that waits for another try, and what waits behind it. */
export interface FailedEntry extends Pick<TakenEntry, 'partition' | 'id' | 'destination' | 'key' | 'attempts'> {
  /** Whether its destination is refused as a whole. */
  readonly whole: boolean
  readonly waitMs: number
}

/** An entry's new place. */
export interface Held {
  readonly entry: TakenEntry
  readonly state: EntryState
  readonly whole: boolean
  readonly attempts: number
  readonly delayMs: number
  readonly error: string | null
}

export interface Taken {
  readonly entries: readonly TakenEntry[]
  readonly snapshot: string
}

/** The most that is taken at once, however large events are. */
const mostBytes = 8 * 1024 * 1024

/** What a relay does with the table, each a call of one function. */
export class EntryTable {
  readonly #link: OutboxLink
  readonly #adopt: Statement
  readonly #take: Statement
  readonly #adders: Statement
  readonly #probe: Statement
  readonly #complete: Statement
  readonly #hold: Statement
  readonly #release: Statement

  constructor(link: OutboxLink) {
    this.#link = link
    const { names } = link
    this.#adopt = prepared(`SELECT * FROM ${names.adopt}($1::text::smallint[])`)
    this.#take = prepared(
      `SELECT * FROM ${names.take}($1::text::smallint[], $2::text::bigint[], $3::text::bigint[], $4::text::integer, ${mostBytes})`,
    )
    this.#adders = prepared(addersStatement(names))
    this.#probe = prepared(`SELECT * FROM ${names.probe}($1::text::smallint, $2::text::bigint)`)
    this.#complete = prepared(
      `SELECT ${names.complete}($1::text::smallint[], $2::text::smallint[], $3::text::bigint[], $4::text::bigint)::text AS done`,
    )
    this.#hold = prepared(
      `SELECT ${names.hold}($1::text::smallint[], $2::text::smallint[], $3::text::bigint[], $4::text::smallint[], $5::text::boolean[],
        $6::text::integer[], $7::text::bigint[], $8::text[])::text AS done`,
    )
    this.#release = prepared(`SELECT ${names.release}($1::text::smallint, $2::text, $3::text, $4::text::boolean)::text AS done`)
  }

  async adopt(partitions: readonly number[]): Promise<readonly FailedEntry[]> {
    const rows = await this.#link.write('adopt partitions of the outbox', (query) => query(this.#adopt, [plainArray(partitions)]))
    return rows.map(([partition, id, destination, key, whole, attempts, waitMs]) => ({
      partition: Number(partition),
      id: String(id),
      destination: String(destination),
      key: (key as string | null) ?? undefined,
      whole: whole === true,
      attempts: Number(attempts),
      waitMs: Number(waitMs),
    }))
  }

  /** Of each partition what comes after an entry's number, but for those in hand. Beside them the snapshot in which they were seen. */
  async take(partitions: readonly number[], after: readonly number[], hand: Iterable<string>, limit: number): Promise<Taken> {
    const values = [plainArray(partitions), plainArray(after), `{${Float64Array.from(hand, Number).sort().join(',')}}`, String(limit)]
    const rows = await this.#link.read('take from the outbox', (query) => query(this.#take, values))
    return { entries: rows.map(takenEntry), snapshot: String(rows[0]?.at(-1) ?? '') }
  }

  /** Which of these transactions have added to the table, or are about to. */
  async adders(transactions: readonly number[]): Promise<ReadonlySet<number>> {
    const rows = await this.#link.read('see who adds to the outbox', (query) => query(this.#adders, [plainArray(transactions)]))
    return new Set(rows.map(([transaction]) => Number(transaction)))
  }

  async probe({ partition, id }: FailedEntry): Promise<readonly TakenEntry[]> {
    const rows = await this.#link.read('look for what failed', (query) => query(this.#probe, [String(partition), id]))
    return rows.map(takenEntry)
  }

  /** Answers the number of the transaction that did it, where there was something to do. */
  async complete(entries: readonly TakenEntry[], keepMs: number): Promise<number | undefined> {
    if (entries.length === 0) return undefined
    const values = [
      plainArray(entries.map(({ state }) => state)),
      plainArray(entries.map(({ partition }) => partition)),
      `{${entries.map(({ id }) => id).join(',')}}`,
      String(keepMs),
    ]
    const [row] = await this.#link.write('take what was published out of the outbox', (query) => query(this.#complete, values))
    return Number(row?.[0])
  }

  async hold(held: readonly Held[]): Promise<void> {
    if (held.length === 0) return
    const values = [
      plainArray(held.map(({ entry }) => entry.state)),
      plainArray(held.map(({ entry }) => entry.partition)),
      `{${held.map(({ entry }) => entry.id).join(',')}}`,
      plainArray(held.map(({ state }) => state)),
      plainArray(held.map(({ whole }) => whole)),
      plainArray(held.map(({ attempts }) => attempts)),
      plainArray(held.map(({ delayMs }) => Math.ceil(delayMs))),
      new TextList(held.map(({ error }) => error?.replaceAll('\0', '') ?? null)),
    ]
    await this.#link.write('put entries of the outbox aside', (query) => query(this.#hold, values))
  }

  async release({ partition, destination, key, whole }: FailedEntry): Promise<void> {
    const values = [String(partition), destination, key ?? null, String(whole)]
    await this.#link.write('release what waits in the outbox', (query) => query(this.#release, values), { answerMs: 60_000 })
  }
}

/** Whoever adds has a lock on the table before an entry has its number, and until the end. Locks know a transaction by its number's lower half. */
function addersStatement({ entries }: OutboxNames): string {
  return `WITH locks AS MATERIALIZED (SELECT * FROM pg_locks l WHERE l.locktype IN ('relation', 'transactionid') AND l.granted)
    SELECT t.number FROM unnest($1::text::bigint[]) AS t (number) WHERE EXISTS (
      SELECT FROM locks own JOIN locks l USING (virtualtransaction)
      WHERE own.transactionid::text::bigint = t.number % 4294967296 AND l.relation = '${entries}'::regclass)`
}
