import { randomUUID } from 'node:crypto'
import { newEventId, type RecordedEvent, type WireMessage } from '@interline/core'
import { PostgresEventStore, type PostgresEventStoreOptions } from '@interline/postgres'
import { cleanUp, plainClient, url } from '../postgres-server.js'

export interface TestStore extends AsyncDisposable {
  readonly store: PostgresEventStore
  readonly schema: string
  /** What the stores warned of. */
  readonly warnings: string[]
  /** Another instance on the same tables, as another process would have it. */
  another(options?: PostgresEventStoreOptions): PostgresEventStore
  sql(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>
}

/** A store in a schema of its own, which is dropped at the end. */
export function testStore(options: PostgresEventStoreOptions = {}, address: string = url): TestStore {
  const schema = `test_${randomUUID().replaceAll('-', '_').slice(0, 30)}`
  const warnings: string[] = []
  const opened: PostgresEventStore[] = []
  const another = (more: PostgresEventStoreOptions = options): PostgresEventStore => {
    const placed = more.client !== undefined || more.host !== undefined || more.dataDir !== undefined
    const logger = { warn: (message: string) => void warnings.push(message) }
    const store = new PostgresEventStore({ ...(placed ? {} : { url: address }), schema, hints: false, maxConnections: 4, logger, ...more })
    opened.push(store)
    return store
  }
  return {
    store: another(),
    schema,
    warnings,
    another,
    async sql(text, values = []) {
      await using client = await plainClient(address)
      return (await client.sql.query<Record<string, unknown>>(text, [...values])).rows
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((store) => store.close()))
      if (options.client === undefined) await cleanUp(schema, address)
    },
  }
}

let made = 0

/** An event as it would be published. */
export function message(data: unknown = { number: ++made }, attributes: Record<string, string> = {}): WireMessage {
  const id = attributes.id ?? newEventId()
  const all = {
    specversion: '1.0',
    id,
    source: 'shop',
    type: 'OrderCreated',
    time: new Date().toISOString(),
    topic: 'orders.created',
    correlationid: id,
    datacontenttype: 'application/json',
    ...attributes,
  }
  return {
    destination: 'orders',
    topic: all.topic,
    key: attributes.partitionkey,
    attributes: all,
    data: data instanceof Uint8Array ? data : JSON.stringify(data),
  }
}

export function messages(count: number, attributes: Record<string, string> = {}): WireMessage[] {
  return Array.from({ length: count }, () => message(undefined, attributes))
}

export async function all(events: AsyncIterable<RecordedEvent>): Promise<RecordedEvent[]> {
  const list: RecordedEvent[] = []
  for await (const event of events) list.push(event)
  return list
}

export const idsOf = (events: readonly (RecordedEvent | WireMessage)[]): (string | undefined)[] =>
  events.map((event) => ('message' in event ? event.message : event).attributes.id)
