import { gzipSync } from 'node:zlib'
import type { ISnapshotStore, StoredSnapshot } from '@interline/core'
import { MemorySnapshotStore } from '@interline/memory'
import { VirtualClock } from '@interline/testing'
import { describe, expect, test } from 'vitest'
import { type SnapshotOptions, type SnapshotProblemReason, snapshotOptionsFromEnv } from './snapshot-options.js'
import { SnapshotService } from './snapshot-service.js'

const place = (version: number, schemaVersion = 1) => ({ version, schemaVersion, eventId: `e-${version}` })

function service(store: ISnapshotStore, options: SnapshotOptions = {}) {
  const problems: SnapshotProblemReason[] = []
  const warnings: string[] = []
  const logger = { warn: (message: string) => void warnings.push(message) }
  return {
    problems,
    warnings,
    snapshots: new SnapshotService(store, { logger, onProblem: ({ reason }) => problems.push(reason), ...options }),
  }
}

const stored = (version: number, data: Uint8Array): StoredSnapshot => ({ stream: 's', ...place(version), takenAt: 0, data })

describe('snapshots', () => {
  test('are compressed, and come back as they were', async () => {
    const store = new MemorySnapshotStore()
    const { snapshots } = service(store)
    const state = { owner: 'Ada', list: Array.from({ length: 5_000 }, (_, n) => ({ n, text: 'the same again' })), nothing: null }
    expect(await snapshots.take('s', place(100), () => state)).toBe(true)
    expect(store.load('s')?.data.length).toBeLessThan(JSON.stringify(state).length / 5)
    expect(await snapshots.find('s', { schemaVersion: 1 })).toEqual({ version: 100, eventId: 'e-100', state })
    expect(await snapshots.find('s', { schemaVersion: 1, upTo: 99 })).toBeUndefined()
  })

  test('are due once for each interval that is passed', () => {
    const { snapshots } = service(new MemorySnapshotStore(), { intervalVersions: 10 })
    expect([snapshots.due(0, 9), snapshots.due(0, 10), snapshots.due(9, 31), snapshots.due(10, 19), snapshots.due(19, 20)]).toEqual([
      false,
      true,
      true,
      false,
      true,
    ])
  })

  test.each<[string, Uint8Array]>([
    ['bytes that are no snapshot', new Uint8Array([1, 2, 3])],
    ['no bytes at all', new Uint8Array()],
    ['one cut short', gzipSync('{"a":1}').subarray(0, 20)],
    ['one with a bit turned over', gzipSync('{"a":1}').map((byte, index) => (index === 12 ? byte ^ 4 : byte))],
    ['one that is no JSON', gzipSync('{"a":')],
    ['one that grows beyond all bounds', gzipSync(Buffer.alloc(3_000_000, 32))],
  ])('pass over %s, say so, and use an older one', async (_what, data) => {
    const store = new MemorySnapshotStore()
    const { snapshots, problems, warnings } = service(store, { maxBytes: 1_000_000 })
    await snapshots.take('s', place(100), () => ({ good: true }))
    store.save(stored(200, data))
    expect(await snapshots.find('s', { schemaVersion: 1 })).toMatchObject({ version: 100, state: { good: true } })
    expect(problems).toEqual(['damaged'])
    expect(warnings[0]).toContain('version 200 of stream "s"')
  })

  test('of another form are passed over, told once, and left to who knows it', async () => {
    const store = new MemorySnapshotStore()
    const { snapshots, problems, warnings } = service(store)
    await snapshots.take('s', place(100), () => 'old form')
    await snapshots.take('s', place(200, 2), () => 'newer form')
    expect(await snapshots.find('s', { schemaVersion: 1 })).toMatchObject({ version: 100 })
    await snapshots.take('s', place(200, 1), () => 'old form again')
    expect(await snapshots.find('s', { schemaVersion: 1 })).toMatchObject({ state: 'old form again' })
    expect(await snapshots.find('s', { schemaVersion: 2 })).toMatchObject({ state: 'newer form' })
    expect(await snapshots.find('s', { schemaVersion: 3 })).toBeUndefined()
    expect(problems.every((reason) => reason === 'schema')).toBe(true)
    expect(warnings).toEqual([expect.stringContaining('form 2, and this code knows 1')])
  })

  test.each<[string, () => unknown]>([
    ['a Date', () => ({ at: new Date() })],
    ['a Map', () => ({ all: new Map() })],
    ['an instance', () => new (class Money {})()],
    ['not a number', () => [Number.NaN]],
    ['a big integer', () => ({ cents: 1n })],
    ['nothing', () => undefined],
    [
      'a circle',
      () => {
        const state: Record<string, unknown> = {}
        state.again = state
        return state
      },
    ],
    [
      'an error',
      () => {
        throw new Error('no state')
      },
    ],
    ['too much', () => 'x'.repeat(2_000)],
  ])('are not taken of %s, which is said and harms nobody', async (_what, state) => {
    const { snapshots, problems } = service(new MemorySnapshotStore(), { maxBytes: 1_000 })
    expect(await snapshots.take('s', place(1), state)).toBe(false)
    expect(problems).toEqual(['unfit'])
    expect(await snapshots.find('s', { schemaVersion: 1 })).toBeUndefined()
  })

  test('are kept by count and by days, and the newest of each stream in any case', async () => {
    const clock = new VirtualClock()
    const store = new MemorySnapshotStore()
    const { snapshots } = service(store, { keep: 3, retentionDays: 30, clock })
    for (const version of [1, 2, 3, 4, 5]) await snapshots.take('s', place(version), () => version)
    expect(store.load('s', { upTo: 2 })).toBeUndefined()
    await clock.advance(31 * 86_400_000)
    await snapshots.take('other', place(1), () => 1)
    expect(await snapshots.applyRetention()).toBe(2)
    expect([store.load('s')?.version, store.load('s', { upTo: 4 }), store.load('other')?.version]).toEqual([5, undefined, 1])
  })

  test('are done without while their store is down', async () => {
    const down = () => Promise.reject(new Error('no route'))
    const { snapshots, problems } = service({ save: down, load: down, remove: down })
    expect(await snapshots.take('s', place(1), () => 1)).toBe(false)
    expect(await snapshots.find('s', { schemaVersion: 1 })).toBeUndefined()
    expect(problems).toEqual(['unreachable', 'unreachable'])
  })

  test('are set up by the environment', () => {
    expect(snapshotOptionsFromEnv({ SNAPSHOT_INTERVAL_VERSIONS: '50', SNAPSHOT_RETENTION_DAYS: '7' })).toEqual({
      intervalVersions: 50,
      retentionDays: 7,
    })
    expect(snapshotOptionsFromEnv({})).toEqual({})
    expect(() => snapshotOptionsFromEnv({ SNAPSHOT_RETENTION_DAYS: 'a week' })).toThrow('SNAPSHOT_RETENTION_DAYS')
    expect(() => new SnapshotService(new MemorySnapshotStore(), { intervalVersions: 0 })).toThrow('intervalVersions is 0')
    expect(() => new SnapshotService(new MemorySnapshotStore(), { retentionDays: -1 })).toThrow('retentionDays is -1')
  })
})
