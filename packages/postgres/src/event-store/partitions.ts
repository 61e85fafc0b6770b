import { ConfigurationError, HouseKeeping, type ILogger } from '@interline/core'
import type { Query } from '../database/database.js'
import { plain, prepared, type Statement } from '../database/statement.js'
import type { ResolvedPartition } from './event-store-options.js'
import type { StoreLink } from './store-link.js'

/** A partition that has been over for so long can't get an event any more. */
const restMs = 86_400_000
/** Whoever comes while this waits for those under way waits, too: rather later, and not for long. */
const lockTimeoutMs = 500

/** Makes partitions ahead of their time, and drops those that are over and empty. Where nobody does, events lie among the others meanwhile. */
export class Partitions {
  readonly #link: StoreLink
  readonly #options: ResolvedPartition
  readonly #keeping: HouseKeeping<void>
  readonly #due: Statement
  readonly #make: Statement
  readonly #over: Statement

  constructor(link: StoreLink, options: ResolvedPartition, logger: Pick<ILogger, 'warn'>) {
    this.#link = link
    this.#options = options
    this.#keeping = new HouseKeeping({
      what: 'The partitioning of the event store',
      intervalMs: options.intervalMs,
      pass: () => this.#pass(),
      logger,
    })
    const { names } = link
    const now = `floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint`
    // Those of the next times, and those of what lies among the others.
    this.#due = prepared(
      `SELECT ${now} + n * $1::bigint FROM generate_series(0, $2::integer) n
       UNION ALL SELECT min(recorded_at) FROM ${names.others} HAVING count(*) > 0
       UNION ALL SELECT max(recorded_at) FROM ${names.others} HAVING count(*) > 0`,
    )
    this.#make = prepared(`SELECT ${names.makePartition}($1::bigint)`)
    this.#over = prepared(
      `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = '${names.events}'::regclass
         AND substring(pg_get_expr(c.relpartbound, c.oid) FROM $re$TO \\('?(\\d+)'?\\)$re$)::bigint < ${now} - ${restMs} ORDER BY 1`,
    )
  }

  start(): void {
    this.#keeping.start({ soon: true })
  }

  stop(): Promise<void> {
    return this.#keeping.stop()
  }

  /** One pass, now. */
  apply(): Promise<void> {
    return this.#keeping.run()
  }

  /** Refuses tables that were made in another way. */
  async check(query: Query): Promise<void> {
    const { names } = this.#link
    const asked = `SELECT obj_description(c.oid, 'pg_class') FROM pg_class c WHERE c.oid = '${names.events}'::regclass AND c.relkind = 'p'`
    const [row] = await query(plain(asked), [])
    const made = /partition by (\w+)$/.exec(String(row?.[0] ?? ''))?.[1]
    if (made === this.#options.by) return
    const how = made === undefined ? 'without partitions' : `with a partition for each ${made}`
    throw new ConfigurationError(
      `The tables of ${names.schema}.${names.table} were made ${how}, and are not divided anew. Leave store.postgres.partition out, or give another table.`,
    )
  }

  async #pass(): Promise<void> {
    const { by, ahead } = this.#options
    for (let made = true; made; ) {
      made = false
      const due = await this.#link.read('look for partitions', (query) => query(this.#due, [String(spanMs[by]), ahead]))
      for (const [moment] of due) made = (await this.#one((query) => query(this.#make, [String(moment)]))) || made
    }
    for (const [name] of await this.#link.read('look for partitions', (query) => query(this.#over, []))) await this.#drop(String(name))
  }

  async #drop(name: string): Promise<void> {
    const table = `${this.#link.names.quotedSchema}."${name}"`
    await this.#one(async (query) => {
      // The whole first, as readers and writers take them in this order.
      await query(plain(`LOCK TABLE ${this.#link.names.events} IN ACCESS EXCLUSIVE MODE`), [])
      if ((await query(plain(`SELECT 1 FROM ${table} LIMIT 1`), [])).length === 0) await query(plain(`DROP TABLE ${table}`), [])
      return []
    })
  }

  /** One change of the partitions. Answers whether something was made. */
  #one(work: (query: Query) => Promise<readonly (readonly unknown[])[]>): Promise<boolean> {
    return this.#link.transaction('change partitions', async (query) => {
      await query(plain(`SET LOCAL lock_timeout = ${lockTimeoutMs}`), [])
      await query(plain('SELECT pg_advisory_xact_lock($1::bigint)'), [this.#link.names.lockKey])
      return (await work(query))[0]?.[0] === true
    })
  }
}

/** At most: a month and a week have more moments than are needed, and each is asked for once. */
const spanMs = { day: 86_400_000, week: 7 * 86_400_000, month: 28 * 86_400_000 } as const
