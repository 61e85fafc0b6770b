import { randomUUID } from 'node:crypto'
import { newEventId, type RecordedEvent, type WireMessage } from '@interline/core'
import { RedisEventStore, type RedisEventStoreOptions } from '@interline/redis'
import { plainClient, url } from '../redis-server.js'

export interface TestStore extends AsyncDisposable {
  readonly store: RedisEventStore
  readonly prefix: string
  /** What the store warned of. */
  readonly warnings: string[]
  /** Another instance on the same data, as another process would have it. */
  another(options?: RedisEventStoreOptions): RedisEventStore
}

/** A store under a prefix of its own, whose keys are removed at the end. */
export function testStore(options: RedisEventStoreOptions = {}, address: string = url): TestStore {
  const prefix = `test-${randomUUID()}`
  const warnings: string[] = []
  const opened: RedisEventStore[] = []
  const another = (more: RedisEventStoreOptions = options): RedisEventStore => {
    const where = more.host === undefined && more.port === undefined && more.cluster === undefined ? { url: address } : {}
    const store = new RedisEventStore({ ...where, prefix, logger: { warn: (message) => void warnings.push(message) }, ...more })
    opened.push(store)
    return store
  }
  return {
    store: another(),
    prefix,
    warnings,
    another,
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((store) => store.close()))
      const names = await keysOf(prefix, address)
      await using client = plainClient(address)
      for (let at = 0; at < names.length; at += 1_000) await client.redis.unlink(...names.slice(at, at + 1_000))
    },
  }
}

export async function keysOf(prefix: string, address: string = url): Promise<string[]> {
  await using client = plainClient(address)
  const names = new Set<string>()
  let cursor = '0'
  do {
    const [next, found] = await client.redis.scan(cursor, 'MATCH', `*${prefix}*`, 'COUNT', 10_000)
    for (const name of found) names.add(name)
    cursor = next
  } while (cursor !== '0')
  return [...names]
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
