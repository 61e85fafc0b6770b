import { randomUUID } from 'node:crypto'
import { newEventId, type WireMessage } from '@interline/core'
import { PostgresEventStore } from '@interline/postgres'
import pg from 'pg'
import { order } from '../payload.js'

const connections = 10

/** The server of a run, and the schema that the run has there. */
export class Server implements AsyncDisposable {
  readonly schema = `bench_${randomUUID().replaceAll('-', '').slice(0, 16)}`
  readonly pool: pg.Pool
  readonly #url: string
  readonly #stores: PostgresEventStore[] = []
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
  async byHand(): Promise<{ readonly events: string; readonly append: string }> {
    const name = (what: string): string => `"${this.schema}".raw_${this.#tables}_${what}`
    this.#tables++
    const [events, streams, append] = [name('events'), name('streams'), name('append')]
    await this.pool.query(`CREATE SCHEMA IF NOT EXISTS "${this.schema}"`)
    await this.pool.query(`
      CREATE TABLE ${streams} (stream text PRIMARY KEY, version bigint NOT NULL);
      CREATE TABLE ${events} (position bigserial PRIMARY KEY, stream text NOT NULL, version bigint NOT NULL, id text NOT NULL,
        type text NOT NULL, data text NOT NULL, UNIQUE (stream, version));
      CREATE FUNCTION ${append}(p_stream text, p_expected bigint, p_ids text[], p_types text[], p_data text[]) RETURNS bigint
      LANGUAGE plpgsql AS $body$
      BEGIN
        IF p_expected = 0 THEN
          INSERT INTO ${streams} VALUES (p_stream, cardinality(p_ids)) ON CONFLICT DO NOTHING;
        ELSE
          UPDATE ${streams} SET version = version + cardinality(p_ids) WHERE stream = p_stream AND version = p_expected;
        END IF;
        IF NOT FOUND THEN RAISE EXCEPTION 'wrong version'; END IF;
        INSERT INTO ${events} (stream, version, id, type, data)
          SELECT p_stream, p_expected + e.place, e.id, e.type, e.data
          FROM unnest(p_ids, p_types, p_data) WITH ORDINALITY AS e (id, type, data, place);
        RETURN p_expected + cardinality(p_ids);
      END $body$`)
    return { events, append }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()))
    await this.pool.query(`DROP SCHEMA IF EXISTS "${this.schema}" CASCADE`)
    await this.pool.end()
  }
}

/** An event as the bus would append it. */
export function message(number: number): WireMessage {
  const id = newEventId()
  return {
    destination: 'bench',
    topic: 'bench.created',
    key: undefined,
    attributes: {
      specversion: '1.0',
      id,
      source: 'bench',
      type: 'bench.OrderCreated',
      time: new Date().toISOString(),
      topic: 'bench.created',
      correlationid: id,
      datacontenttype: 'application/json',
    },
    data: JSON.stringify(order(number)),
  }
}
