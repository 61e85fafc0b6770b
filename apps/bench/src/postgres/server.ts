import { randomUUID } from 'node:crypto'
import { type PostgresEventStore as EmmettStore, getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql'
import { newEventId } from '@interline/core'
import { PostgresEventStore } from '@interline/postgres'
import pg from 'pg'
import { message, type Order, order } from '../payload.js'

const connections = 10

export interface Emmett {
  readonly store: EmmettStore
  /** Its table of events. */
  readonly messages: string
  /** For looking into its database. */
  readonly pool: pg.Pool
}

/** A table of events and the function that appends to it. */
export interface ByHand {
  readonly events: string
  readonly append: string
}

/** Raises a stream's version, where it is the expected one. */
const raise = (streams: string): string => `
        IF p_expected = 0 THEN
          INSERT INTO ${streams} VALUES (p_stream, cardinality(p_ids)) ON CONFLICT DO NOTHING;
        ELSE
          UPDATE ${streams} SET version = version + cardinality(p_ids) WHERE stream = p_stream AND version = p_expected;
        END IF;
        IF NOT FOUND THEN RAISE EXCEPTION 'wrong version'; END IF;`

/** The server of a run, and the schema that the run has there. */
export class Server implements AsyncDisposable {
  readonly schema = `bench_${randomUUID().replaceAll('-', '').slice(0, 16)}`
  readonly pool: pg.Pool
  readonly #url: string
  readonly #stores: PostgresEventStore[] = []
  #emmett: Promise<Emmett> | undefined
  #tables = 0

  constructor(url: string = process.env.POSTGRES_URL ?? process.env.DATABASE_URL ?? 'postgresql://postgres@127.0.0.1:5432/postgres') {
    this.#url = url
    this.pool = new pg.Pool({ connectionString: url, max: connections })
  }

  async store(table: string): Promise<PostgresEventStore> {
    const store = new PostgresEventStore({ url: this.#url, schema: this.schema, table, maxConnections: connections })
    this.#stores.push(store)
    await store.connect()
    return store
  }

  /**
   * What one writes by hand for an append with a version check: streams and events, and one function that raises the one and inserts the
   * others. No order of all, no idempotent retry, no index but the two keys.
   */
  async byHand(): Promise<ByHand> {
    const names = this.#byHandNames()
    await this.pool.query(`CREATE SCHEMA IF NOT EXISTS "${this.schema}"`)
    await this.pool.query(`
      CREATE TABLE ${names.streams} (stream text PRIMARY KEY, version bigint NOT NULL);
      CREATE TABLE ${names.events} (position bigserial PRIMARY KEY, stream text NOT NULL, version bigint NOT NULL, id text NOT NULL,
        type text NOT NULL, data text NOT NULL, UNIQUE (stream, version));
      CREATE FUNCTION ${names.append}(p_stream text, p_expected bigint, p_ids text[], p_types text[], p_data text[]) RETURNS bigint
      LANGUAGE plpgsql AS $body$
      BEGIN
        ${raise(names.streams)}
        INSERT INTO ${names.events} (stream, version, id, type, data)
          SELECT p_stream, p_expected + e.place, e.id, e.type, e.data
          FROM unnest(p_ids, p_types, p_data) WITH ORDINALITY AS e (id, type, data, place);
        RETURN p_expected + cardinality(p_ids);
      END $body$`)
    return names
  }

  /**
   * The same with what an event store needs beside it: the other attributes of a CloudEvent, an id that is there once, indexes to find events
   * of a type and of a time, and the lock by which a reader of all events knows how far it may go.
   */
  async byHandWithAll(): Promise<ByHand> {
    const names = this.#byHandNames()
    await this.pool.query(`CREATE SCHEMA IF NOT EXISTS "${this.schema}"`)
    await this.pool.query(`
      CREATE TABLE ${names.streams} (stream text COLLATE "C" PRIMARY KEY, version bigint NOT NULL);
      CREATE SEQUENCE ${names.position};
      CREATE TABLE ${names.events} (position bigint PRIMARY KEY, stream text COLLATE "C" NOT NULL, version bigint NOT NULL, id text COLLATE "C" NOT NULL,
        type text COLLATE "C" NOT NULL, attributes text NOT NULL, data text NOT NULL, recorded_at timestamptz NOT NULL, UNIQUE (stream, version), UNIQUE (id));
      CREATE INDEX ON ${names.events} (type, position);
      CREATE INDEX ON ${names.events} USING brin (recorded_at);
      CREATE FUNCTION ${names.append}(p_stream text, p_expected bigint, p_ids text[], p_types text[], p_attributes text[], p_data text[]) RETURNS bigint
      LANGUAGE plpgsql AS $body$
      BEGIN
        ${raise(names.streams)}
        PERFORM pg_advisory_xact_lock_shared('${names.events}'::regclass::oid::integer, last_value::integer) FROM ${names.position};
        INSERT INTO ${names.events} (position, stream, version, id, type, attributes, data, recorded_at)
          SELECT nextval('${names.position}'), p_stream, p_expected + e.place, e.id, e.type, e.attributes, e.data, clock_timestamp()
          FROM unnest(p_ids, p_types, p_attributes, p_data) WITH ORDINALITY AS e (id, type, attributes, data, place);
        RETURN p_expected + cardinality(p_ids);
      END $body$`)
    return names
  }

  /** A name that nothing has. */
  table(what: string): string {
    return `${what}_${this.#tables++}`
  }

  #byHandNames(): ByHand & Readonly<Record<'streams' | 'position', string>> {
    const table = this.table('raw')
    const name = (what: string): string => `"${this.schema}".${table}_${what}`
    return { events: name('events'), streams: name('streams'), append: name('append'), position: name('position') }
  }

  /** Emmett's store. Its tables and functions have fixed names, and it looks for them in all schemas: it gets a database of its own. */
  async emmett(): Promise<Emmett> {
    this.#emmett ??= this.#openEmmett()
    return this.#emmett
  }

  async #openEmmett(): Promise<Emmett> {
    await this.pool.query(`CREATE DATABASE "${this.schema}"`)
    const url = new URL(this.#url)
    url.pathname = `/${this.schema}`
    const store = getPostgreSQLEventStore(url.href)
    await store.schema.migrate()
    const pool = new pg.Pool({ connectionString: url.href, max: 1 })
    // the database is dropped while a connection may still be on its way out
    pool.on('error', () => undefined)
    return { store, messages: 'emt_messages', pool }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()))
    if (this.#emmett !== undefined) {
      const { store, pool } = await this.#emmett
      await Promise.all([store.close(), pool.end()])
      await this.pool.query(`DROP DATABASE "${this.schema}" WITH (FORCE)`)
    }
    await this.pool.query(`DROP SCHEMA IF EXISTS "${this.schema}" CASCADE`)
    await this.pool.end()
  }
}

/** For the function of `byHand`, after stream and version. */
export function byHandValues(numbers: readonly number[]): readonly (readonly string[])[] {
  return [numbers.map(() => newEventId()), numbers.map(() => 'bench.OrderCreated'), numbers.map((number) => JSON.stringify(order(number)))]
}

/** For the function of `byHandWithAll`. */
export function valuesWithAll(numbers: readonly number[]): readonly (readonly string[])[] {
  const messages = numbers.map(message)
  return [
    messages.map(({ attributes: { id = '' } }) => id),
    messages.map(({ attributes: { type = '' } }) => type),
    messages.map(({ attributes: { id, type, ...others } }) => JSON.stringify(others)),
    messages.map(({ data }) => data as string),
  ]
}

/** An event as Emmett takes it, which makes its id by itself. */
export function emmettEvent(number: number): { readonly type: string; readonly data: Order & Record<string, unknown> } {
  return { type: 'bench.OrderCreated', data: order(number) as Order & Record<string, unknown> }
}
