import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withBrokerConnection, withStoreConnection } from '../src/config/connections.js'
import { serviceName } from '../src/config/service-name.js'
import { Variables } from '../src/config/variables.js'
import { configFromFile, createBus, EventBus, MemoryBroker } from '../src/index.js'

const create = (config: unknown) => () => createBus(config as never)
const redis = (settings: object) => ({ broker: { type: 'redis', redis: settings } })

describe('a wrong configuration is refused', () => {
  const cyclic: Record<string, unknown> = { destinations: {} }
  cyclic.hybrid = cyclic

  it.each<[string, unknown, string]>([
    ['a port that is text', redis({ port: 'abc' }), 'broker.redis.port: "abc" is not a port; expected an integer from 1 to 65535.'],
    [
      'a port that could not be parsed',
      redis({ port: Number.NaN }),
      'broker.redis.port: NaN is not a port; expected an integer from 1 to 65535.',
    ],
    ['an unknown key that is nearly one', redis({ prot: 6379 }), 'broker.redis.prot: unknown key. Did you mean "port"?'],
    ['an unknown key at the top', { brokr: {} }, 'brokr: unknown key. Did you mean "broker"?'],
    ['a key written in another way', { connect_timeout_ms: 1 }, 'connect_timeout_ms: unknown key. Did you mean "connectTimeoutMs"?'],
    ['a broker that nobody knows', { broker: { type: 'reddis' } }, 'Did you mean "redis"?'],
    [
      'a broker without type',
      { broker: {} },
      'broker.type: undefined is not a broker; expected memory, redis, redis-pubsub, rabbitmq, kafka or nats, or an instance of another broker.',
    ],
    ['a broker that is text', { broker: 'redis' }, 'broker: "redis" is not an object; expected an object with settings.'],
    [
      'settings of another broker',
      { broker: { type: 'redis', kafka: {} } },
      `broker.kafka: settings of another type than "redis". Remove them, or set type: 'kafka'.`,
    ],
    ['settings beside their place', { broker: { type: 'redis', port: 1 } }, 'broker.port: unknown key. Settings belong into "redis".'],
    [
      'two addresses',
      redis({ url: 'redis://a', host: 'b' }),
      'broker.redis.url and broker.redis.host each say where the server is. Give one of them.',
    ],
    [
      'an address without port',
      { broker: { type: 'kafka', kafka: { brokers: ['kafka1'] } } },
      'broker.kafka.brokers[0]: "kafka1" is not an address; expected host:port, such as kafka1:9092.',
    ],
    ['a prefix that is no name', { broker: { type: 'nats', nats: { prefix: 'a.b' } } }, 'broker.nats.prefix: "a.b" is not usable;'],
    ['a negative time', { closeTimeoutMs: -1 }, 'closeTimeoutMs: -1 is not a time; expected milliseconds, 0 or more.'],
    ['a flag that is text', { hybrid: 'yes' }, 'hybrid: "yes" is not an object; expected an object with settings.'],
    ['no attempt at all', { retry: { maxAttempts: 0 } }, 'retry.maxAttempts: 0 is not usable; expected an integer from 1.'],
    ['a backoff of another kind', { retry: { backoff: { type: 'exponentiell' } } }, 'Did you mean "exponential"?'],
    [
      'a strategy beside lists',
      { hybrid: { routingStrategy: { route: () => 'local' }, localTypes: ['A'] } },
      'hybrid.localTypes: says nothing beside routingStrategy, which decides alone. Remove one of them.',
    ],
    [
      'half a logger',
      { logger: { warn: () => undefined } },
      'logger: an object is not a logger; expected a logger, which has debug, info, warn and error.',
    ],
    ['a configuration within itself', cyclic, 'hybrid: the configuration holds itself here. Give each place an object of its own.'],
    ['a prototype from JSON', JSON.parse('{"__proto__": {"service": "x"}}'), '__proto__: unknown key.'],
    [
      'a prototype of its own',
      { broker: Object.create({ type: 'redis' }) },
      'broker: an object with a prototype of its own is not data; expected a plain object.',
    ],
    ['null', null, 'config: null is not an object; expected an object with settings.'],
    ['a reference codec on a hybrid bus', { hybrid: true, codec: 'reference' }, 'codec: "reference" hands over the event itself'],
  ])('%s', (_what, config, message) => {
    expect(create(config)).toThrow(expect.objectContaining({ code: 'INTERLINE_CONFIGURATION', message: expect.stringContaining(message) }))
  })

  it.each<[string, unknown]>([
    ['a password of the wrong type', redis({ password: ['s3cret'] })],
    ['a password under a misspelt name', redis({ passwrd: 's3cret' })],
    ['a password in a URL', redis({ url: 'http://admin:s3cret@redis.example' })],
    ['a password in a URL with strange signs', redis({ url: 'http://admin:s3cret@/@redis.example' })],
    ['a URL with a password where a port belongs', redis({ port: 'redis://:s3cret@redis.example:6379' })],
    ['a password before an address', { broker: { type: 'kafka', kafka: { brokers: ['admin:s3cret@kafka1'] } } }],
  ])('without showing %s', (_what, config) => {
    expect(create(config)).toThrow(
      expect.objectContaining({ code: 'INTERLINE_CONFIGURATION', message: expect.not.stringContaining('s3cret') }),
    )
  })
})

it('the compiler refuses what the check refuses', () => {
  // @ts-expect-error a key that does not exist
  expect(() => createBus({ brokr: undefined })).toThrow()
  // @ts-expect-error settings of another type
  expect(() => createBus({ broker: { type: 'redis', kafka: { brokers: [] } } })).toThrow()
  // @ts-expect-error a port that is text
  expect(() => createBus({ broker: { type: 'redis', redis: { port: '6379' } } })).toThrow()
  // @ts-expect-error a store that is no broker
  expect(() => createBus({ broker: { type: 'postgres' } })).toThrow()
})

describe('where a server is', () => {
  const environment = new Variables({ REDIS_HOST: 'from-environment', REDIS_PORT: '6380', REDIS_EVENT_STORE_HOST: 'store-environment' })

  it('is what the configuration says, else what the environment says', () => {
    expect(withBrokerConnection({ type: 'redis', redis: { host: 'own' } }, environment)).toMatchObject({ redis: { host: 'own' } })
    expect(withBrokerConnection({ type: 'redis', redis: { prefix: 'shop' } }, environment)).toEqual({
      type: 'redis',
      redis: { prefix: 'shop', host: 'from-environment', port: 6380 },
    })
  })

  it('is for a store where the broker of its vendor is, with what the store says beside that', () => {
    const broker = { type: 'redis', redis: { host: 'brokers', password: 'secret', db: 1, partitions: 4 } } as const
    expect(withStoreConnection({ type: 'redis', redis: { ttl: 60, db: 2 } }, broker, environment)).toMatchObject({
      redis: { host: 'brokers', password: 'secret', db: 2, ttl: 60 },
    })
    expect(withStoreConnection({ type: 'redis', redis: { ttl: 60 } }, broker, environment)).not.toHaveProperty('redis.partitions')
  })

  it('is for a store without such a broker what the environment says', () => {
    expect(withStoreConnection({ type: 'redis' }, { type: 'kafka' }, environment)).toMatchObject({ redis: { host: 'store-environment' } })
    expect(withStoreConnection({ type: 'redis' }, undefined, new Variables({ REDIS_HOST: 'shared' }))).toMatchObject({
      redis: { host: 'shared' },
    })
  })

  it('is for a store with an address of its own only that', () => {
    expect(
      withStoreConnection({ type: 'redis', redis: { host: 'own' } }, { type: 'redis', redis: { password: 'secret' } }, environment),
    ).toEqual({
      type: 'redis',
      redis: { host: 'own' },
    })
  })
})

describe('EventBus with the words of others', () => {
  it.each<[object, string]>([
    [{ maxRetryAttempts: -1 }, 'maxRetryAttempts: -1 is not usable; expected an integer from 0.'],
    [{ asyncProcessing: 'no' }, 'asyncProcessing: "no" is not a boolean; expected true or false.'],
    [{ retry: {}, retryDelayMs: 5 }, 'retry and retryDelayMs say the same thing in two ways. Give one of them.'],
    [{ maxRetries: 3 }, 'maxRetries: unknown option of EventBus.'],
    [{ brokr: new MemoryBroker() }, 'Did you mean "broker"?'],
  ])('refuses %o', (options, message) => {
    expect(() => new EventBus(options)).toThrow(expect.objectContaining({ message: expect.stringContaining(message) }))
  })
})

describe('a configuration in a file', () => {
  let folder: string
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'interline-config-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('is JSON, or an ES module', async () => {
    expect(await configFromFile(await write('interline.config.json', '{"service":"shop","broker":{"type":"memory"}}'))).toEqual({
      service: 'shop',
      broker: { type: 'memory' },
    })
    expect(await configFromFile(await write('one.mjs', 'export default { service: "one" }'))).toEqual({ service: 'one' })
    expect(await configFromFile(await write('two.mjs', 'export const config = { service: "two" }'))).toEqual({ service: 'two' })
  })

  it('is refused with its name, and without quoting it, where it is wrong', async () => {
    const unknown = await write('unknown.json', '{"servce":"shop"}')
    await expect(configFromFile(unknown)).rejects.toThrow(`${unknown}: servce: unknown key. Did you mean "service"?`)
    const broken = await write('broken.json', '{"broker": {"type": "redis", "redis": {"password": "s3cret" x}}}')
    await expect(configFromFile(broken)).rejects.toThrow(/is no JSON/)
    const error = await configFromFile(broken).catch((thrown: unknown) => thrown)
    expect(inspect(error, { depth: 10 })).not.toContain('s3cret')
    await expect(configFromFile(join(folder, 'none.json'))).rejects.toThrow(/can't be read \(ENOENT\)/)
    await expect(configFromFile(await write('nothing.mjs', 'export const x = 1'))).rejects.toThrow(/exports no configuration/)
    await expect(configFromFile()).rejects.toThrow(/has no interline.config.json, interline.config.js or interline.config.mjs/)
  })

  it('names the service by the nearest manifest that has a name, else app', async () => {
    expect(serviceName(folder)).toBe('app')
    await write('package.json', '{"name":"@acme/shop"}')
    expect(serviceName(folder)).toBe('@acme/shop')
  })
})
