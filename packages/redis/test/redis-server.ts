import type { IBroker, IEventStore } from '@interline/core'
import { RedisBroker, type RedisConnectionOptions, RedisEventStore, type RedisOptions } from '@interline/redis'
import { type PrivateServer, type PrivateStoreServer, type RawClient, type RawMessage, startRedis } from '@interline/testing'
import { Redis } from 'ioredis'

/** The shared server of the tests. */
export const url: string = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'

/** A module for worker processes, which run the compiled package. */
export const processModule = new URL('./worker-broker.mjs', import.meta.url)
export const storeModule = new URL('./worker-store.mjs', import.meta.url)

export function brokerOf(namespace: string, options: RedisOptions = {}): RedisBroker {
  return new RedisBroker({ url, prefix: namespace, ...options })
}

/** Removes every key of a namespace. */
export async function cleanUp(namespace: string): Promise<void> {
  await using client = plainClient()
  // in small steps: other tests wait for the same server
  for await (const keys of client.redis.scanStream({ match: `*${namespace}*`, count: 1_000 }))
    if (keys.length > 0) await client.redis.unlink(keys)
}

/** A client as anybody would write it, closed at the end of its scope. */
export function plainClient(address: string = url): AsyncDisposable & { readonly redis: Redis } {
  const redis = new Redis(address, { retryStrategy: () => null })
  return {
    redis,
    [Symbol.asyncDispose]: async () => redis.disconnect(),
  }
}

/** Entries as the plain driver writes and reads them, by the field names of the standard. */
export const raw: RawClient = {
  async write(namespace, destination, message) {
    await using client = plainClient()
    await client.redis.xadd(`{${namespace}:${destination}:0}:events`, '*', ...fieldsOf(message))
  },
  async read(namespace, destination) {
    await using client = plainClient()
    const keys = await client.redis.keys(`{${namespace}:${destination}:*}:events`)
    return (await Promise.all(keys.map((key) => client.redis.xrange(key, '-', '+')))).flatMap(entriesOf)
  },
}

export function fieldsOf({ attributes, data }: RawMessage): (string | Buffer)[] {
  const fields = Object.entries(attributes).flatMap(([name, value]) => [name === 'datacontenttype' ? 'content-type' : `ce_${name}`, value])
  return [...fields, 'data', Buffer.from(data as string)]
}

export function entriesOf(entries: readonly (readonly [id: string, fields: readonly string[]])[]): readonly RawMessage[] {
  return entries.map(([, fields]) => read(fields))
}

function read(fields: readonly string[]): RawMessage {
  const attributes: Record<string, string> = {}
  let data = ''
  for (let index = 0; index < fields.length; index += 2) {
    const [name = '', value = ''] = fields.slice(index, index + 2)
    if (name === 'data') data = value
    else attributes[name === 'content-type' ? 'datacontenttype' : name.replace(/^ce_/, '')] = value
  }
  return { attributes, data }
}

/** A server of the test's own, which keeps what it acknowledged over a kill. */
export async function privateServer(make: (options: RedisConnectionOptions) => IBroker): Promise<PrivateServer> {
  const password = 'correct-horse'
  const server = await startRedis({ requirePass: password })
  const options = { port: server.port, password, connectTimeoutMs: 1_000 }
  return {
    create: (namespace) => make({ ...options, prefix: namespace }),
    createWrong: (fault, namespace) => {
      const secret = `wrong-battery-${namespace}`
      const wrong = fault === 'password' ? { password: secret } : { port: 1 }
      return { broker: make({ ...options, ...wrong, prefix: namespace }), secrets: [fault === 'password' ? secret : password] }
    },
    kill: () => server.kill(),
    start: () => server.start(),
    [Symbol.asyncDispose]: () => server.close(),
  }
}

/** One that has written down what it acknowledged before it says so. */
export async function storeServer(): Promise<PrivateStoreServer<IEventStore>> {
  const server = await startRedis({ arguments: ['--appendfsync', 'always'] })
  const options = { host: '127.0.0.1', port: server.port, appendTimeoutMs: 400, commandTimeoutMs: 300, connectTimeoutMs: 300 }
  return {
    create: (namespace) => new RedisEventStore({ ...options, prefix: namespace, logger: { warn: () => undefined } }),
    kill: () => server.kill(),
    start: () => server.start(),
    [Symbol.asyncDispose]: () => server.close(),
  }
}
