import {
  type Abortable,
  type AnyEvent,
  type Awaitable,
  type IInbox,
  type InboxEntry,
  type InboxOutcome,
  InvalidEventError,
  inboxEntry,
  toError,
} from '@interline/core'
import { DatabaseLink } from '../database/database-link.js'
import { plain, textArray } from '../database/statement.js'
import { inTransaction } from '../libraries/in-transaction.js'
import { SeamDatabase } from '../libraries/seam-database.js'
import type { UserDatabase } from '../libraries/user-database.js'
import { pause } from '../waiting.js'
import { InboxNames } from './inbox-names.js'
import { type PostgresInboxOptions, type ResolvedInboxOptions, resolveInboxOptions } from './inbox-options.js'
import { inboxMigrations } from './schema/migrations.js'

const cleanUpEveryMs = 60_000
const cleanUpRows = 5_000
const longestWaitMs = 500

/** Tells the library that there is nothing to commit. */
class Duplicate extends Error {}

/** An inbox in the database of the handlers' own effects. */
export function postgresInbox<Transaction>(
  database: UserDatabase<Transaction>,
  options?: PostgresInboxOptions,
): PostgresInbox<Transaction> {
  return new PostgresInbox(database, options)
}

/**
 * Remembers what was handled in the transaction of the handler's own effects: both are committed, or neither. It covers what is written in
 * that transaction, and nothing else: whoever sends a mail or calls another service passes on the event's id.
 */
export class PostgresInbox<Transaction> implements IInbox<Transaction> {
  readonly #database: UserDatabase<Transaction>
  readonly #options: ResolvedInboxOptions
  readonly #link: DatabaseLink<InboxNames>
  readonly #claim: string
  readonly #forget: string
  #cleanUpAt = performance.now() + Math.random() * cleanUpEveryMs

  constructor(database: UserDatabase<Transaction>, options: PostgresInboxOptions = {}) {
    this.#database = database
    this.#options = resolveInboxOptions(database, options)
    const { connection, table, migrate, logger } = this.#options
    this.#link = new DatabaseLink({
      part: 'inbox',
      names: new InboxNames(connection.schema, table),
      migrations: inboxMigrations,
      migrate,
      connection,
      open: database.client === undefined ? async () => new SeamDatabase(database) : undefined,
      hints: false,
      writeTimeoutMs: connection.commandTimeoutMs,
      logger,
    })
    const { handled, lockSpace } = this.#link.names
    // The lock is asked for first and never waited for: who waits for a row of another transaction holds a connection all the while.
    this.#claim = `WITH lock AS MATERIALIZED (
        SELECT bool_and(pg_try_advisory_xact_lock(${lockSpace}, hashtext($1::text || k.key))) AS free
        FROM (SELECT u AS key FROM unnest($2::text::text[]) u ORDER BY u) k),
      added AS (
        INSERT INTO ${handled} (consumer, key) SELECT $1::text, u FROM unnest($2::text::text[]) u, lock WHERE lock.free
        ON CONFLICT DO NOTHING RETURNING 1)
      SELECT lock.free, (SELECT count(*) FROM added)::int AS added FROM lock`
    this.#forget = `WITH gone AS (
        DELETE FROM ${handled} WHERE ctid = ANY (ARRAY(
          SELECT ctid FROM ${handled} WHERE handled_at < clock_timestamp() - $1::text::bigint * interval '1 millisecond' LIMIT ${cleanUpRows}))
        RETURNING 1)
      SELECT count(*)::int AS gone FROM gone`
  }

  /** Makes missing tables. The first `handle` does it, too. */
  connect(options?: Abortable): Promise<void> {
    return this.#link.connect(options)
  }

  /** Runs the work once for an event and a group; `duplicate` says that it was run before. */
  handle(
    event: AnyEvent,
    group: string,
    work: (transaction: Transaction) => Awaitable<unknown>,
    options?: Abortable,
  ): Promise<InboxOutcome> {
    return this.handleOnce(entryOf(event, group), work, options)
  }

  async handleOnce(
    entry: InboxEntry,
    work: (transaction: Transaction) => Awaitable<unknown>,
    { signal }: Abortable = {},
  ): Promise<InboxOutcome> {
    // Outside of the transaction: what has one connection could not do it inside.
    await this.#link.connect({ signal })
    for (let tries = 0; ; tries++) {
      const outcome = await this.#try(entry, work, signal)
      if (outcome !== 'busy') {
        this.#cleanUpInTime()
        return outcome
      }
      await pause(Math.min(longestWaitMs, 10 * 2 ** tries) * (0.5 + Math.random() / 2), signal)
      signal?.throwIfAborted()
    }
  }

  /** How much it remembers. */
  async size(): Promise<number> {
    const [row] = await this.#link.read('count what was handled', (query) =>
      query(plain(`SELECT count(*)::int AS count FROM ${this.#link.names.handled}`), []),
    )
    return Number(row?.[0])
  }

  /** Forgets now what is older than `keepMs`, some thousand at a time; otherwise that is done from time to time. Answers how many. */
  async cleanUp(): Promise<number> {
    for (let total = 0; ; ) {
      const [row] = await this.#link.write('forget what was handled long ago', (query) =>
        query(plain(this.#forget), [String(this.#options.keepMs)]),
      )
      total += Number(row?.[0])
      if (Number(row?.[0]) < cleanUpRows) return total
    }
  }

  async #try(
    { consumer, keys }: InboxEntry,
    work: (transaction: Transaction) => Awaitable<unknown>,
    signal: AbortSignal | undefined,
  ): Promise<InboxOutcome | 'busy'> {
    try {
      return await this.#database.transaction(async (transaction): Promise<InboxOutcome | 'busy'> => {
        const [row] = await this.#database.query(transaction, this.#claim, [consumer, textArray(keys)])
        if (row?.free !== true) return 'busy'
        if (Number(row.added) < keys.length) throw new Duplicate()
        await work(transaction)
        // One that failed on the way, where the handler hid that, is rolled back by its commit, and hardly any library tells.
        await inTransaction(this.#database, transaction, 'Remembering what was handled', 'SELECT 1', [])
        // Whoever gave it up may have given it to somebody else: it must not be committed here.
        signal?.throwIfAborted()
        return 'handled'
      })
    } catch (thrown) {
      if (thrown instanceof Duplicate) return 'duplicate'
      throw thrown
    }
  }

  #cleanUpInTime(): void {
    if (performance.now() < this.#cleanUpAt) return
    this.#cleanUpAt = performance.now() + cleanUpEveryMs
    this.cleanUp().catch((thrown: unknown) =>
      this.#options.logger.warn('What was handled long ago could not be forgotten; it is tried again later.', {
        error: toError(thrown).message,
      }),
    )
  }
}

interface Identified {
  readonly id?: unknown
  readonly eventId?: unknown
  readonly source?: unknown
  readonly type?: unknown
  readonly eventType?: unknown
  readonly idempotencyKey?: unknown
  readonly metadata?: { readonly eventId?: unknown; readonly source?: unknown; readonly idempotencyKey?: unknown } | undefined
}

function entryOf(event: AnyEvent, group: string): InboxEntry {
  const given = event as Identified
  const { metadata } = given
  const eventId = metadata?.eventId ?? given.eventId ?? given.id
  if (typeof eventId !== 'string' || eventId === '') {
    throw new InvalidEventError('inbox.handle needs an event with an id: metadata.eventId, eventId or id.')
  }
  const source = metadata?.source ?? given.source
  const type = given.eventType ?? given.type
  const idempotencyKey = metadata?.idempotencyKey ?? given.idempotencyKey
  return inboxEntry(group, String(type ?? ''), {
    eventId,
    source: typeof source === 'string' ? source : '',
    idempotencyKey: typeof idempotencyKey === 'string' ? idempotencyKey : undefined,
  })
}
