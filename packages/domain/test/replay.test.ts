import { defineEvent, EventBus, type EventStoreBase, staticSchema, topic } from '@interline/core'
import { EventReplayService, Projection, Repository } from '@interline/domain'
import { MemoryBroker } from '@interline/memory'
import { VirtualClock, waitFor } from '@interline/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import { Deposited, type MoneyMoved, Opened, Wallet } from './account.js'
import { places, startEmbedded } from './places.js'

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
const quiet = { warn: () => undefined, error: () => undefined }

async function fill(store: EventStoreBase): Promise<void> {
  const correlation = { correlationId: 'request-1', tenantId: 't-1' }
  await store.saveEvents('account:a', [Opened({ owner: 'Ada' }, correlation), ...range(30).map((n) => Deposited({ amount: n }))])
  await store.saveEvents('account:b', [Opened({ owner: 'Bob' }), ...range(10).map((n) => Deposited({ amount: 100 + n }))])
  await new Repository(Wallet, { store }).update('w-1', (wallet) => {
    wallet.move(5)
    wallet.move(-2)
  })
}

beforeAll(startEmbedded, 90_000)

describe.each(Object.entries(places))('a replay in %s', (_name, place) => {
  test('gives the events of a type, a stream, an aggregate, a correlation, a tenant or a time, upcast and in order', async () => {
    await using room = place()
    const store = room.events()
    await fill(store)
    const replay = new EventReplayService({ store })
    const seen: string[] = []
    const show = (event: object): void =>
      void seen.push('data' in event ? JSON.stringify(event.data) : String((event as MoneyMoved).amount))
    const given = async (run: Promise<unknown>): Promise<string[]> => {
      await run
      return seen.splice(0)
    }
    expect(await given(replay.replayByType([Opened], show))).toEqual(['{"owner":"Ada"}', '{"owner":"Bob"}'])
    expect((await given(replay.replay({ stream: 'account:b', types: [Deposited] }, show))).length).toBe(10)
    expect(await given(replay.replayByAggregate('wallet', 'w-1', show))).toEqual(['5', '-2'])
    expect(await given(replay.replay({ aggregateType: 'wallet' }, show))).toEqual(['5', '-2'])
    expect(await given(replay.replay({ correlationId: 'request-1' }, show))).toEqual(['{"owner":"Ada"}'])
    expect(await given(replay.replay({ tenantId: 't-1' }, show))).toEqual(['{"owner":"Ada"}'])
    expect((await given(replay.replay({}, show))).length).toBe(44)
    const times: number[] = []
    for await (const { recordedAt } of store.readAll()) times.push(recordedAt)
    const since = new Date(times[35] as number)
    expect((await given(replay.replay({ since }, show))).length).toBe(times.filter((time) => time >= since.getTime()).length)
    expect(await given(replay.replay({ until: new Date(times[0] as number) }, show))).toEqual([])
  })

  test('shows beforehand what it would give, and gives nothing', async () => {
    await using room = place()
    const store = room.events()
    await fill(store)
    const replay = new EventReplayService({ store })
    const preview = await replay.preview({ aggregateType: 'wallet' })
    expect(preview).toMatchObject({ dryRun: true, events: 2, streams: 1, byType: { 'domain.MoneyMoved': 2 } })
    expect(preview.sample.map(({ stream, version }) => [stream, version])).toEqual([
      ['wallet:w-1', 1],
      ['wallet:w-1', 2],
    ])
    const report = await replay.replay({}, () => expect.fail('nothing is given'), { dryRun: true, sample: 1 })
    expect(report).toMatchObject({ events: 44, streams: 3, byType: { 'domain.AccountOpened': 2, 'domain.Deposited': 40 } })
    expect([report.sample.length, report.first?.version, report.last?.stream]).toEqual([1, 1, 'wallet:w-1'])
  })

  test('goes on where it was interrupted, where it has a name, also of one stream', async () => {
    await using room = place()
    const store = room.events()
    await fill(store)
    const replay = new EventReplayService({ store: room.events(), logger: quiet })
    for (const selection of [{ types: [Deposited] }, { stream: 'account:a', types: [Deposited] }]) {
      const seen: number[] = []
      let fails = true
      const handler = ({ data }: { data: { amount: number } }): void => {
        if (data.amount === 17 && fails) throw new Error('not now')
        seen.push(data.amount)
      }
      const options = { name: 'again', batchSize: 5 }
      await expect(replay.replay(selection, handler, options)).rejects.toMatchObject({
        code: 'INTERLINE_REPLAY',
        stream: 'account:a',
        version: 19,
      })
      await expect(replay.replay({ types: [Opened] }, handler, options)).rejects.toThrow('another selection')
      fails = false
      const report = await new EventReplayService({ store }).replay(selection, handler, options)
      expect(seen.slice(0, 30)).toEqual(range(30))
      expect(report.events).toBe('stream' in selection ? 30 : 40)
      await replay.replay(selection, handler, { ...options, onError: 'skip' })
      expect(seen.length).toBe(report.events * 2)
    }
  })

  test('goes to a projection, in its own transaction where it has one', async () => {
    await using room = place()
    const store = room.events()
    await fill(store)
    const seen: number[] = []
    const projection = new Projection({ name: 'replayed', store, logger: quiet }).on(Deposited, ({ data }, { replayed, token }) => {
      if (data.amount === 3) throw new Error('never')
      expect([replayed, token]).toEqual([true, 0])
      if (!seen.includes(data.amount)) seen.push(data.amount)
    })
    const replay = new EventReplayService({ store, logger: quiet })
    const report = await replay.replayInBatches(4, { types: [Deposited] }, projection, { onError: 'skip' })
    expect([report.events, report.skipped, seen.length]).toEqual([39, 1, 39])
    expect(await projection.lag()).toMatchObject({ events: 40 })
  })
})

describe('a replay', () => {
  test('goes to a topic of its own: no live group gets anything, and no trace goes with it', async () => {
    await using room = places.memory()
    const store = room.events()
    await using bus = new EventBus({ broker: new MemoryBroker(), store })
    const live: object[] = []
    const again: object[] = []
    await bus.subscribe([Opened, Deposited], (event) => void live.push(event), { name: 'live' })
    await bus.subscribe(topic('audit.all'), (event, { trace }) => void again.push([event, trace]), { name: 'audit', group: 'audit' })
    await bus.start()
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await bus.publish(Opened({ owner: 'Ada' }, { traceparent }))
    await bus.publishBatch(range(20).map((amount) => Deposited({ amount })))
    await bus.idle()
    expect(live.length).toBe(21)
    const replay = new EventReplayService({ store })
    const report = await replay.replay({}, { broker: bus.getBroker(), topic: 'audit.all' }, { batchSize: 8 })
    await bus.idle()
    expect([report.events, live.length, again.length]).toEqual([21, 21, 21])
    expect(again[0]).toEqual([expect.objectContaining({ type: 'domain.AccountOpened', data: { owner: 'Ada' } }), undefined])
    const back = { broker: bus.getBroker(), topic: 'domain.replayed' }
    await expect(replay.replay({}, back)).rejects.toThrow('where its groups would get it again')
    expect(live.length).toBe(21)
  })

  test('ends at what was there when it began, also where it makes events itself', async () => {
    await using room = places.memory()
    const store = room.events()
    await fill(store)
    let copies = 0
    const copy = async (event: object): Promise<void> => {
      copies++
      await store.saveEvents('copies', [Deposited({ amount: (event as { data: { amount: number } }).data.amount })])
    }
    await new EventReplayService({ store }).replay({ types: [Deposited] }, copy, { batchSize: 3 })
    expect(copies).toBe(40)
  })

  test('ends there also where it was interrupted before, and more was stored since', async () => {
    await using room = places.memory()
    const store = room.events()
    await fill(store)
    const replay = new EventReplayService({ store })
    let given = 0
    const handler = (): void => {
      if (given === 12) throw new Error('not now')
      given++
    }
    await expect(replay.replay({}, handler, { name: 'long' })).rejects.toThrow('not now')
    await store.saveEvents('later', [Opened({ owner: 'Eve' })])
    const report = await replay.replay({}, () => void given++, { name: 'long' })
    expect([given, report.events]).toEqual([44, 44])
  })

  test('keeps to its rate, tells how far it is, and ends when it is told to', async () => {
    await using room = places.memory()
    const store = room.events()
    await fill(store)
    const clock = new VirtualClock()
    const replay = new EventReplayService({ store, clock })
    const progress: number[] = []
    let done = false
    const slow = replay.replay({}, () => undefined, { eventsPerSecond: 20, onProgress: ({ events }) => progress.push(events) })
    void slow.then(() => (done = true))
    await clock.advance(1_000)
    expect(progress.at(-1)).toBeGreaterThanOrEqual(20)
    expect(progress.at(-1)).toBeLessThanOrEqual(24)
    await clock.advance(1_500)
    await waitFor(() => done)
    const ending = new AbortController()
    const seen: object[] = []
    const stopped = replay.replay(
      {},
      (event) => {
        seen.push(event)
        if (seen.length === 7) ending.abort(new Error('enough'))
      },
      { name: 'stopped', signal: ending.signal },
    )
    await expect(stopped).rejects.toThrow('enough')
    await replay.replay({}, (event) => void seen.push(event), { name: 'stopped' })
    expect(seen.length).toBe(44)
  })

  test('gives an event of an older version as its newest', async () => {
    await using room = places.memory()
    const store = room.events()
    await store.saveEvents('p', [{ type: 'replay.Priced', version: 1, data: { cents: 250 } }])
    const Priced = defineEvent('replay.Priced', {
      version: 2,
      schema: staticSchema<{ euros: number }>(),
      upcast: { 1: (data: { cents: number }) => ({ euros: data.cents / 100 }) },
    })
    const seen: unknown[] = []
    await new EventReplayService({ store }).replayByType([Priced], ({ version, data }: ReturnType<typeof Priced>) =>
      seen.push(version, data.euros),
    )
    expect(seen).toEqual([2, 2.5])
  })

  test('of one name runs in one process at a time', async () => {
    await using room = places.memory()
    const store = room.events()
    await fill(store)
    const replay = new EventReplayService({ store })
    const inner = async (): Promise<void> => {
      await expect(replay.replay({}, () => undefined, { name: 'one' })).rejects.toThrow('under way in another process')
    }
    await replay.replay({ types: [Opened] }, inner, { name: 'one' })
  })

  test('shows the past', async () => {
    await using room = places.memory()
    const store = room.events()
    await fill(store)
    const wallets = new Repository(Wallet, { store })
    const past = await new EventReplayService({ store }).timeTravel(wallets, 'w-1', new Date())
    expect(past.balance).toBe(3)
  })

  test.each<[string, Parameters<EventReplayService['replay']>, string]>([
    ['an id without its type', [{ aggregateId: 'a' }, () => undefined], 'say its aggregateType'],
    ['two streams', [{ stream: 's', aggregateType: 'a', aggregateId: 'b' }, () => undefined], 'each say which stream'],
    ['a place in one stream', [{ stream: 's', after: '1' }, () => undefined], 'Leave it out for one stream'],
    ['a pattern', [{ types: ['orders.*'] }, () => undefined], 'pattern of topics'],
    ['no target', [{}, {} as never], 'a function, a projection, or'],
    ['no rate', [{}, () => undefined, { eventsPerSecond: 0 }], 'eventsPerSecond is 0'],
    ['no batch', [{}, () => undefined, { batchSize: 0.5 }], 'batchSize is 0.5'],
  ])('refuses %s', async (_what, words, message) => {
    await using room = places.memory()
    const replay = new EventReplayService({ store: room.events() })
    await expect(replay.replay(...words)).rejects.toThrow(message)
  })
})
