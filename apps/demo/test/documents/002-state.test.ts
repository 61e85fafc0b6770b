import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { CommandBus, EventSourcedAggregate } from '@interline/domain'
import { RedisEventStore } from '@interline/redis'
import { EventTracker, registerPrometheus } from '@interline/telemetry'
import { findServer, type PrivateRedis, recorder, startRedis } from '@interline/testing'
import { configFromEnv, createBus, MemoryEventStore, recordOf } from 'interline'
import { Redis } from 'ioredis'
import { Registry, register } from 'prom-client'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Cleanings, fixtures, type PointsEarned, pointsEarned, snippet } from './002-surroundings.js'

const cleanings = new Cleanings()
let redis: PrivateRedis

beforeAll(async () => {
  redis = await startRedis({ appendOnly: false })
})
afterEach(() => cleanings.run())
afterAll(() => redis?.close())

function client(): Redis {
  const made = new Redis(redis.url)
  cleanings.add(() => made.flushall().finally(() => made.disconnect()))
  return made
}

function ownStore(): RedisEventStore {
  const store = new RedisEventStore({ url: redis.url, prefix: 'document' })
  cleanings.add(() => store.close())
  return store
}

/** As the document's interface has it. */
interface SketchedStore {
  saveEvents(streamId: string, events: readonly PointsEarned[], expectedVersion: number): Promise<void>
  getEvents(streamId: string, fromVersion?: number): Promise<readonly PointsEarned[]>
  getAllEvents(fromPosition?: number, batchSize?: number): Promise<readonly PointsEarned[]>
}

async function sketchedStore(connection: Redis): Promise<SketchedStore> {
  const sketch = await snippet<{ RedisEventStore: new (redis: Redis, config: object) => SketchedStore }>('redis-event-store')
  return new sketch.RedisEventStore(connection, {})
}

const earnings = (player: string, ...points: readonly number[]): PointsEarned[] => points.map((each) => pointsEarned(player, each))
const points = (events: readonly PointsEarned[]): readonly number[] => events.map(({ data }) => data.points)
const outcomes = async (saves: readonly Promise<unknown>[]): Promise<readonly string[]> =>
  (await Promise.allSettled(saves)).map((each) => (each.status === 'fulfilled' ? 'saved' : (each.reason as Error).name))

describe('Event Sourcing', () => {
  interface Sketched {
    readonly version: number
    readonly changes: readonly PointsEarned[]
    readonly total: number
    earn(points: number): void
    commit(): Promise<void>
    loadFromHistory(events: readonly PointsEarned[]): void
  }

  async function sketchedPlayer(): Promise<new (id: string) => Sketched> {
    interface Base {
      new (id: string): { addEvent(event: PointsEarned): void; readonly id: string }
    }
    const { EventSourcedAggregate: Sketch } = await snippet<{ EventSourcedAggregate: Base }>('event-sourcing')
    return class extends Sketch {
      total = 0
      apply(event: PointsEarned): void {
        this.total += event.data.points
      }
      earn(each: number): void {
        this.addEvent(pointsEarned(this.id, each))
      }
    } as never
  }

  class Player extends EventSourcedAggregate<PointsEarned> {
    static readonly aggregateType = 'player'
    total = 0

    apply({ data }: PointsEarned): void {
      this.total += data.points
    }

    earn(each: number): void {
      this.addEvent(pointsEarned(this.id, each))
    }
  }

  it('EventSourcedAggregate as sketched expects the version that it is about to write, and so never saves anything', async () => {
    const { useStore } = await snippet<{ useStore(store: object): void }>('event-store-at-hand')
    useStore(await sketchedStore(client()))
    const player = new (await sketchedPlayer())('ada')
    player.earn(5)
    expect([player.version, player.total]).toEqual([1, 5])
    await expect(player.commit()).rejects.toThrow('Concurrency conflict')
  })

  it('EventSourcedAggregate expects the version that it was loaded at, and its changes are kept where a commit fails', async () => {
    const store = ownStore()
    const [first, second] = [new Player('ada'), new Player('ada')]
    first.earn(5)
    first.earn(3)
    second.earn(1)
    expect([first.version, first.committedVersion, first.changes.length]).toEqual([2, 0, 2])
    await first.commit(store)
    expect([first.version, first.committedVersion, first.changes.length]).toEqual([2, 2, 0])
    await expect(second.commit(store)).rejects.toMatchObject({ code: 'INTERLINE_WRONG_EXPECTED_VERSION' })
    expect(second.changes).toHaveLength(1)

    const again = new Player('ada')
    again.loadFromHistory(await store.getEvents<PointsEarned & object>('player:ada'))
    expect([again.total, again.version, again.changes.length]).toEqual([8, 2, 0])
  })
})

describe('CQRS Integration', () => {
  const command = (type: string, payload: object) => ({
    id: 'command-1',
    type,
    payload,
    metadata: { userId: 'ada', timestamp: new Date(), correlationId: 'request-1' },
  })
  interface SketchedCommands {
    register(type: string, handler: object): void
    dispatch(command: object): Promise<void>
  }

  it('EventDrivenCommandBus as sketched: a second handler takes the place of the first, and nobody notices', async () => {
    const { EventDrivenCommandBus } = await snippet<{ EventDrivenCommandBus: new () => SketchedCommands }>('cqrs-integration')
    const commands = new EventDrivenCommandBus()
    const handledBy: string[] = []
    for (const name of ['first', 'second']) commands.register('GivePoints', { handle: async () => void handledBy.push(name) })
    await commands.dispatch(command('GivePoints', {}))
    expect(handledBy).toEqual(['second'])
  })

  it('CommandBus takes the same commands and handlers, validates, and refuses a second handler', async () => {
    await using commands = new CommandBus()
    const handled: unknown[] = []
    await commands.register<ReturnType<typeof command>>('GivePoints', {
      validate: async ({ payload }) => (payload as { points: number }).points > 0,
      handle: async (given) =>
        void handled.push({ ...given.payload, by: given.metadata.userId, about: given.metadata.correlationId, id: given.id }),
    })
    await commands.dispatch(command('GivePoints', { points: 5 }))
    expect(handled).toEqual([{ points: 5, by: 'ada', about: 'request-1', id: 'command-1' }])
    await expect(commands.dispatch(command('GivePoints', { points: -5 }))).rejects.toMatchObject({ code: 'INTERLINE_VALIDATION' })
    await expect(commands.dispatch(command('TakePoints', {}))).rejects.toThrow('No handler for command "TakePoints"')
    expect(() => commands.register('GivePoints', { handle: () => undefined })).toThrow('has a handler already')
    expect(handled).toHaveLength(1)
  })
})

describe('Redis Event Store', () => {
  it('saveEvents as sketched: of two who expect the same version both save, and the stream has two first events', async () => {
    const sketch = await sketchedStore(client())
    const saves = [1, 2].map((each) => sketch.saveEvents('player:ada', earnings('ada', each), 0))
    expect(await outcomes(saves)).toEqual(['saved', 'saved'])
    expect((await sketch.getEvents('player:ada')).map(({ version }) => version)).toEqual([1, 1])
  })

  it.each(['memory', 'redis'])('saveEvents on %s: one saves, and the other is told', async (kind) => {
    const store = kind === 'redis' ? ownStore() : new MemoryEventStore()
    const saves = [1, 2].map((each) => store.saveEvents('player:ada', earnings('ada', each), 0))
    expect(await outcomes(saves)).toEqual(['saved', 'WrongExpectedVersionError'])
    await store.saveEvents('player:ada', earnings('ada', 3, 4), 1)
    expect(points(await store.getEvents<PointsEarned & object>('player:ada'))).toEqual([1, 3, 4])
    expect(points(await store.getEvents<PointsEarned & object>('player:ada', 2))).toEqual([3, 4])
  })

  it('getAllEvents as sketched trips over its own version keys, and without them sorts by versions, which says nothing across streams', async () => {
    const connection = client()
    const sketch = await sketchedStore(connection)
    await sketch.saveEvents('player:ada', earnings('ada', 1, 2), 0)
    await sketch.saveEvents('player:grace', earnings('grace', 3), 0)
    await expect(sketch.getAllEvents()).rejects.toThrow('WRONGTYPE')
    await connection.del('events:player:ada:version', 'events:player:grace:version')
    expect((await sketch.getAllEvents()).map(({ version }) => version)).toEqual([1, 1, 2])
    // a position is a version here, so whoever goes on after the first two misses what has no such version
    expect(points(await sketch.getAllEvents(2))).toEqual([2])
  })

  it.each(['memory', 'redis'])(
    'getAllEvents on %s gives the order in which they were saved, over all streams and from a position',
    async (kind) => {
      const store = kind === 'redis' ? ownStore() : new MemoryEventStore()
      await store.saveEvents('player:ada', earnings('ada', 1, 2), 0)
      await store.saveEvents('player:grace', earnings('grace', 3), 0)
      await store.saveEvents('player:ada', earnings('ada', 4), 2)
      const first = await store.getAllEvents<PointsEarned & object>(0, 2)
      expect(points(first)).toEqual([1, 2])
      expect(points(await store.getAllEvents<PointsEarned & object>(recordOf(first[1]!)!.position))).toEqual([3, 4])
    },
  )
})

describe('Event Tracking', () => {
  afterEach(() => register.clear())
  const late = (): PointsEarned => ({ ...pointsEarned('ada'), timestamp: new Date(Date.now() - 2_000) })
  const sumIn = (text: string): number => Number(/^event_latency_seconds_sum\{type="events\.PointsEarned"\} (\S+)$/m.exec(text)?.[1])

  it('PrometheusEventTracker as sketched gives milliseconds for seconds', async () => {
    const { PrometheusEventTracker } = await snippet<{ PrometheusEventTracker: new () => { track(event: object): Promise<void> } }>(
      'event-tracking',
    )
    await new PrometheusEventTracker().track(late())
    expect(sumIn(await register.metrics())).toBeGreaterThanOrEqual(2_000)
  })

  it('EventTracker has the names and buckets of the sketch, in seconds, and counts failures, too', async () => {
    const tracker = new EventTracker()
    const registry = new Registry()
    registerPrometheus(registry, tracker)
    for (const failed of [false, false, false, true]) await tracker.track(late(), { failed })
    const text = await registry.metrics()
    expect(text).toContain('events_total{type="events.PointsEarned",status="processed"} 3')
    expect(text).toContain('events_total{type="events.PointsEarned",status="failed"} 1')
    expect(text).toContain('event_latency_seconds_bucket{le="1",type="events.PointsEarned"} 0')
    expect(text).toContain('event_latency_seconds_bucket{le="+Inf",type="events.PointsEarned"} 4')
    expect(sumIn(text)).toBeGreaterThanOrEqual(8)
    expect(sumIn(text)).toBeLessThan(100)
  })

  it('getStats and getLatency, which the sketch leaves out', async () => {
    const tracker = new EventTracker()
    for (const latencyMs of [100, 200, 300, 400]) await tracker.track(pointsEarned('ada'), { latencyMs, failed: latencyMs === 400 })
    const stats = await tracker.getStats({ type: 'events.PointsEarned' })
    expect(stats).toMatchObject({ total: 4, byType: { 'events.PointsEarned': 4 }, failureRate: 0.25, averageLatency: 250 })
    expect(Object.keys(stats.timeDistribution)).toEqual(['p50', 'p90', 'p99'])
    expect(await tracker.getLatency('events.PointsEarned')).toBe(250)
  })
})

describe('Configuration', () => {
  const variables = (name: string) => parseEnv(readFileSync(join(fixtures, `${name}.env`), 'utf8'))

  it('the development environment makes a bus on RabbitMQ with its events in Redis', async () => {
    const { hostname, port } = new URL((await findServer('rabbitmq')).url)
    const here = { REDIS_EVENT_STORE_PORT: String(redis.port), RABBITMQ_HOST: hostname, RABBITMQ_PORT: port || '5672' }
    const { unused, broker, ...config } = configFromEnv({ ...variables('development'), ...here })
    expect(unused?.map(({ name }) => name)).toEqual(['EVENT_TRACKING_ENABLED'])
    const place = cleanings.placeOn('rabbitmq', redis.url)
    if (broker === undefined || !('rabbitmq' in broker) || place.type !== 'rabbitmq') throw new Error('This is about RabbitMQ.')
    const tracker = new EventTracker()
    const { prefix } = place.rabbitmq
    await using bus = createBus({
      ...config,
      service: 'events',
      broker: { type: 'rabbitmq', rabbitmq: { ...broker.rabbitmq, prefix } },
      instrumentation: tracker,
    })
    await bus.start()
    const listener = recorder<PointsEarned>()
    await bus.subscribe<PointsEarned>('events.*', listener.handle, { name: 'listener' })
    const event = pointsEarned('ada')
    await bus.publish(event)
    await bus.idle()
    expect(listener.events).toMatchObject([event])
    expect([bus.getBroker().name, bus.getStore().name]).toEqual(['rabbitmq', 'redis'])
    expect(await tracker.getStats()).toMatchObject({ total: 1 })
    const other = new Redis(redis.url, { db: 1 })
    cleanings.add(() => other.flushall().finally(() => other.disconnect()))
    expect(await other.dbsize()).toBeGreaterThan(0)
  })

  it('the production environment says where the servers are, and how often to try again', () => {
    expect(configFromEnv(variables('production'))).toMatchObject({
      broker: {
        type: 'rabbitmq',
        rabbitmq: { host: 'rabbitmq.production.com', port: 5672, username: 'app', password: 'secure-password', vhost: '/prod' },
      },
      store: { type: 'redis', redis: { host: 'redis.production.com', port: 6379, password: 'strong-password', db: 1 } },
      retry: { maxAttempts: 5, backoff: { delayMs: 2_000 } },
      deadLetter: { enabled: true },
    })
  })

  it.each(['RABBITMQ', 'REDIS_EVENT_STORE'])('no password is told where the server of %s does not answer', async (server) => {
    const elsewhere = { [`${server}_HOST`]: '127.0.0.1', [`${server}_PORT`]: '1' }
    const { broker, store } = configFromEnv({ ...variables('production'), ...elsewhere, EVENT_TRACKING_ENABLED: 'false' })
    await using bus = createBus({ service: 'events', ...(server === 'RABBITMQ' ? { broker } : { store }) })
    const error = await bus.start().then(
      () => undefined,
      (thrown: Error) => thrown,
    )
    expect(error?.message).toContain('127.0.0.1:1')
    expect(JSON.stringify([error?.message, error?.stack, String(error?.cause)])).not.toMatch(/secure-password|strong-password/)
  })
})
