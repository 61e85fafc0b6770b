import {
  type Abortable,
  ConfigurationError,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterList,
  type DeadLetterPage,
  type IDeadLetterStore,
  type WireData,
} from '@interline/core'
import type { DatabaseLink } from '../database/database-link.js'
import type { Migration } from '../database/migrate.js'
import { plain, plainArray, prepared, type Statement, TextList, type Value } from '../database/statement.js'
import { type PostgresStoreOptions, storeLink } from '../store-options.js'
import { TableNames } from '../table-names.js'

class LetterNames extends TableNames {
  get letters(): string {
    return this.named('')
  }
}

const migrations: readonly Migration<LetterNames>[] = [
  {
    name: 'dead-letters',
    statements: (names) => `
CREATE TABLE ${names.letters} (
  id text COLLATE "C" PRIMARY KEY,
  dead_at bigint NOT NULL,
  group_name text COLLATE "C" NOT NULL,
  handler text COLLATE "C" NOT NULL,
  topic text COLLATE "C" NOT NULL,
  key text COLLATE "C",
  event_type text COLLATE "C" NOT NULL,
  correlation_id text COLLATE "C",
  reason text COLLATE "C" NOT NULL,
  letter text NOT NULL
);

CREATE INDEX ${names.index('time')} ON ${names.letters} (dead_at, id);

CREATE INDEX ${names.index('group')} ON ${names.letters} (group_name, handler, key, dead_at, id);

COMMENT ON COLUMN ${names.letters}.dead_at IS 'Milliseconds since 1970';
`,
  },
]

/** What each field of a filter asks for. */
const conditions: Readonly<Record<keyof DeadLetterFilter, (parameter: string) => string>> = {
  ids: (parameter) => `id = ANY (${parameter}::text[])`,
  group: (parameter) => `group_name = ${parameter}::text`,
  handler: (parameter) => `handler = ${parameter}::text`,
  topic: (parameter) => `topic = ${parameter}::text`,
  key: (parameter) => `key = ${parameter}::text`,
  eventType: (parameter) => `event_type = ${parameter}::text`,
  correlationId: (parameter) => `correlation_id = ${parameter}::text`,
  reason: (parameter) => `reason = ${parameter}::text`,
  since: (parameter) => `dead_at >= ${parameter}::bigint`,
  until: (parameter) => `dead_at < ${parameter}::bigint`,
}

/** Dead letters in a table, whose columns are what they are looked for by. */
export class PostgresDeadLetterStore implements IDeadLetterStore {
  readonly #link: DatabaseLink<LetterNames>
  readonly #add: Statement
  readonly #remove: Statement

  constructor(options: PostgresStoreOptions = {}) {
    this.#link = storeLink(options, {
      part: 'dead-letter store',
      path: 'deadLetters.postgres',
      table: 'interline_dead_letters',
      names: (schema, table) => new LetterNames(schema, table),
      migrations,
    })
    const { letters } = this.#link.names
    this.#add = prepared(
      `INSERT INTO ${letters} (id, dead_at, group_name, handler, topic, key, event_type, correlation_id, reason, letter)
       SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
       ON CONFLICT (id) DO UPDATE SET dead_at = excluded.dead_at, group_name = excluded.group_name, handler = excluded.handler,
         topic = excluded.topic, key = excluded.key, event_type = excluded.event_type, correlation_id = excluded.correlation_id,
         reason = excluded.reason, letter = excluded.letter`,
    )
    this.#remove = prepared(`DELETE FROM ${letters} WHERE id = ANY ($1::text[]) RETURNING 1`)
  }

  connect(options?: Abortable): Promise<void> {
    return this.#link.connect(options)
  }

  async add(letters: readonly DeadLetter[], { signal }: Abortable = {}): Promise<void> {
    // Of the same id twice in a call, the last one counts.
    const given = [...new Map(letters.map((letter) => [letter.id, letter])).values()]
    if (given.length === 0) return
    const list = (pick: (letter: DeadLetter) => string | undefined): TextList => new TextList(given.map((letter) => stored(pick(letter))))
    const values: readonly Value[] = [
      list(({ id }) => id),
      plainArray(given.map(({ deadAt }) => Math.floor(deadAt))),
      list(({ group }) => group),
      list(({ handler }) => handler),
      list(({ topic }) => topic),
      list(({ message }) => message.key),
      list(({ eventType }) => eventType),
      list(({ correlationId }) => correlationId),
      list(({ reason }) => reason),
      list(writeLetter),
    ]
    await this.#link.write('keep dead letters', (query) => query(this.#add, values), { signal })
  }

  async list(filter: DeadLetterFilter = {}, { limit = 100, after, signal }: DeadLetterPage = {}): Promise<DeadLetterList> {
    const { where, values } = conditionsOf(filter, after)
    const text = `SELECT letter FROM ${this.#link.names.letters} ${where} ORDER BY dead_at, id LIMIT ${atLeastOne(limit) + 1}`
    const rows = await this.#link.read('list dead letters', (query) => query(plain(text), values), { signal })
    const letters = rows.slice(0, limit).map(([letter]) => readLetter(String(letter)))
    const last = letters.at(-1)
    return { letters, next: rows.length > limit && last !== undefined ? `${Math.floor(last.deadAt)}:${last.id}` : undefined }
  }

  async count(filter: DeadLetterFilter = {}, { signal }: Abortable = {}): Promise<number> {
    const { where, values } = conditionsOf(filter, undefined)
    const text = `SELECT count(*) AS count FROM ${this.#link.names.letters} ${where}`
    const [row] = await this.#link.read('count dead letters', (query) => query(plain(text), values), { signal })
    return Number(row?.[0])
  }

  async remove(ids: readonly string[], { signal }: Abortable = {}): Promise<number> {
    if (ids.length === 0) return 0
    // A try whose answer was lost may have removed them: then they are counted as gone already.
    const rows = await this.#link.write('remove dead letters', (query) => query(this.#remove, [new TextList(ids)]), { signal })
    return rows.length
  }

  close(): Promise<void> {
    return this.#link.close()
  }
}

function conditionsOf(filter: DeadLetterFilter, after: string | undefined): { readonly where: string; readonly values: readonly Value[] } {
  const values: Value[] = []
  const wanted: string[] = []
  for (const [name, condition] of Object.entries(conditions) as [keyof DeadLetterFilter, (parameter: string) => string][]) {
    const value = filter[name]
    if (value === undefined) continue
    values.push(typeof value === 'string' ? value : value instanceof Date ? String(value.getTime()) : new TextList(value))
    wanted.push(condition(`$${values.length}`))
  }
  if (after !== undefined) {
    const colon = after.indexOf(':')
    const deadAt = after.slice(0, colon)
    if (!/^-?\d+$/.test(deadAt)) throw new ConfigurationError(`after is no "next" of a list of dead letters. Give that, or leave it out.`)
    values.push(deadAt, after.slice(colon + 1))
    wanted.push(`(dead_at, id) > ($${values.length - 1}::bigint, $${values.length}::text)`)
  }
  return { where: wanted.length === 0 ? '' : `WHERE ${wanted.join(' AND ')}`, values }
}

function atLeastOne(limit: number): number {
  if (Number.isInteger(limit) && limit >= 1) return limit
  throw new ConfigurationError(`limit is ${limit}; give a whole number from 1.`)
}

/** A text column takes no null character. */
function stored(text: string | undefined): string | null {
  return text?.replaceAll('\0', '\uFFFD') ?? null
}

function writeLetter(letter: DeadLetter): string {
  const { data } = letter.message
  const kept = data instanceof Uint8Array ? { base64: Buffer.from(data).toString('base64') } : data
  return JSON.stringify({ ...letter, message: { ...letter.message, data: kept } })
}

function readLetter(text: string): DeadLetter {
  const letter = JSON.parse(text) as DeadLetter & { readonly message: { readonly data: WireData | { readonly base64: string } } }
  const { data, key } = letter.message
  const read = typeof data === 'object' && 'base64' in data ? new Uint8Array(Buffer.from(data.base64, 'base64')) : (data as WireData)
  return { ...letter, correlationId: letter.correlationId, message: { ...letter.message, key, data: read } }
}
