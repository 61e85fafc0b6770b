import { MemoryDeadLetterStore } from '@interline/memory'
import { VirtualClock } from '@interline/testing'
import { describe, expect, test } from 'vitest'
import { defineEvent } from '../event/define-event.js'
import { staticSchema } from '../event/standard-schema.js'
import type { DeadLetter, IDeadLetterStore } from '../ports/dead-letter-store.js'
import type { Delivery, Retry } from '../ports/delivery.js'
import type { IIdempotencyStore } from '../ports/idempotency-store.js'
import type { WireMessage } from '../ports/message.js'
import { CloudEventsFormat } from '../wire/cloud-events.js'
import { FieldEncryption } from '../wire/field-encryption.js'
import { Dedup } from './dedup.js'
import { GroupEngine } from './group-engine.js'
import { ParkedKeys } from './parked-keys.js'
import { ProcessIdempotencyStore } from './process-idempotency-store.js'
import { decodeProgress, encodeProgress, type HandlerProgress } from './progress.js'
import { RetryPolicy } from './retry-policy.js'
import type { Subscriber } from './subscriber.js'
import { Reject } from './verdict.js'

const Happened = defineEvent('work.test.Happened', { topic: 'work.happened', schema: staticSchema<{ readonly n: number }>() })

interface Entry {
  readonly progress?: Readonly<Record<string, HandlerProgress>>
  readonly redelivered?: boolean
  readonly key?: string
  readonly leaving?: AbortSignal
  readonly lost?: AbortSignal
}

/** A broker's side of deliveries, as a list of what was asked of each. */
function hands() {
  const log: string[] = []
  const notes: ReadonlyMap<string, HandlerProgress>[] = []
  const letters: DeadLetter[] = []
  const delivery = (
    name: string,
    { progress, redelivered = false, key, leaving, lost = new AbortController().signal }: Entry = {},
  ): Delivery => {
    const attributes = { id: name, source: '/test', specversion: '1.0', type: Happened.type, datacontenttype: 'application/json' }
    const message: WireMessage = { destination: 'work', topic: 'work.happened', key, attributes, data: '{"n":1}' }
    const text = progress === undefined ? undefined : encodeProgress({ firstAttemptAt: 1, handlers: new Map(Object.entries(progress)) })
    const told = (what: string): true => {
      log.push(`${name} ${what}`)
      return true
    }
    return {
      message,
      ref: name,
      progress: text,
      redelivered,
      lost,
      leaving,
      ack: () => told('acked'),
      note: (noted: string) => {
        notes.push(decodeProgress(noted).handlers)
        return told('noted')
      },
      retry: (_retry: Retry) => told('given back'),
      deadLetter: (dead: readonly DeadLetter[]) => {
        letters.push(...dead)
        return told('buried')
      },
      release: () => void told('released'),
    }
  }
  return { log, notes, letters, delivery }
}

interface Given {
  readonly maxAttempts?: number
  readonly concurrency?: number
  readonly store?: IDeadLetterStore
  readonly idempotency?: IIdempotencyStore
}

function engine(
  handlers: Readonly<Record<string, (attempt: number) => unknown>>,
  { maxAttempts = 3, concurrency = 10, store, idempotency }: Given = {},
) {
  const clock = new VirtualClock()
  const places = { group: 'tests', destination: 'work', clock, publish: () => undefined, insist: <T>(call: () => T): T => call() }
  const subject = new GroupEngine({
    broker: 'memory',
    group: 'tests',
    format: new CloudEventsFormat(),
    clock,
    hooks: {},
    logger: console,
    dedup: idempotency && new Dedup({ store: idempotency, ttlMs: 60_000, clock, collect: false, report: () => undefined }),
    deadLetters: undefined,
    publish: () => Promise.resolve(),
    closing: new AbortController().signal,
    ordered: true,
    broadcast: false,
    canRetry: true,
    held: undefined,
    parking: store === undefined ? undefined : new ParkedKeys({ ...places, store }),
    parkAfterMs: 5_000,
    encryption: new FieldEncryption(undefined),
    keepsDeadLetters: true,
    window: 100,
    echoOf: undefined,
    firstAttempted: undefined,
  })
  const retry = new RetryPolicy({ maxAttempts, backoff: { type: 'fixed', delayMs: 60_000, jitter: 0 } })
  subject.subscribers = Object.entries(handlers).map(
    ([name, run], priority): Subscriber => ({
      name,
      group: 'tests',
      priority,
      matches: () => true,
      run: (_event, { attempt }) => run(attempt) as Promise<unknown>,
      filter: undefined,
      errorHandler: undefined,
      retry,
      timeoutMs: undefined,
      deadLetter: true,
      keepOrder: false,
      deadLetterAddress: undefined,
      concurrency,
    }),
  )
  return { subject, clock }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a delivery in the hands of core', () => {
  test('is released by a drain where no run of it is open, and left as interrupted where one is', async () => {
    const { log, delivery } = hands()
    let end: () => void = () => undefined
    const running = new Promise<void>((resolve) => (end = resolve))
    const { subject } = engine({ slow: () => running })
    void subject.receive([delivery('running', { key: 'a' }), delivery('behind', { key: 'a' })])
    const drained = subject.drain()
    expect(log).toEqual(['behind released'])
    end()
    await drained
    expect(log).toEqual(['behind released', 'running acked'])
  })

  test('that somebody else has by now leaves its claims there', async () => {
    const { log, delivery } = hands()
    const lost = new AbortController()
    const idempotency = new ProcessIdempotencyStore({ clock: new VirtualClock() })
    let fail: (error: Error) => void = () => undefined
    const { subject } = engine({ slow: () => new Promise((_, reject) => (fail = reject)) }, { idempotency })
    void subject.receive([delivery('one', { lost: lost.signal })])
    const key = 'tests\nslow\n/test\none'
    const leaseMs = 60_000
    expect(await idempotency.claim([{ key, owner: 'another' }], { leaseMs })).toEqual(['busy'])
    lost.abort()
    // Who takes it over has the same name of it.
    expect(await idempotency.claim([{ key, owner: 'one' }], { leaseMs })).toEqual(['claimed'])
    fail(new Error('It is too late.'))
    await settled()
    expect(log).toEqual([])
    expect(await idempotency.claim([{ key, owner: 'another' }], { leaseMs })).toEqual(['busy'])
  })

  test('that waits for its next attempt is released at once when its ownership is leaving, with its progress noted', async () => {
    const { log, notes, delivery } = hands()
    const leaving = new AbortController()
    const { subject } = engine({ failing: () => Promise.reject(new Error('Not now.')) })
    void subject.receive([
      delivery('first', { key: 'a', leaving: leaving.signal }),
      delivery('second', { key: 'a', leaving: leaving.signal }),
      delivery('staying', { key: 'b', leaving: new AbortController().signal }),
    ])
    await settled()
    expect(log).toEqual(['first noted', 'staying noted'])
    leaving.abort()
    await settled()
    expect(log.slice(2)).toEqual(['first released', 'second released'])
    expect(notes[0]?.get('failing')?.started).toBe(1)
    expect(subject.inHand).toBe(1)
  })

  test('finishes its run when its ownership is leaving, and nothing behind it begins', async () => {
    const { log, delivery } = hands()
    const leaving = new AbortController()
    let end: () => void = () => undefined
    const { subject } = engine({ slow: () => new Promise<void>((resolve) => (end = resolve)) })
    const entry = { key: 'a', leaving: leaving.signal }
    void subject.receive([delivery('running', entry), delivery('behind', entry)])
    leaving.abort()
    await settled()
    expect(log).toEqual(['behind released'])
    end()
    await settled()
    expect(log).toEqual(['behind released', 'running acked'])
  })

  test('of a process that died counts a run, is noted before the next one, and is not run past the limit', async () => {
    const { log, notes, letters, delivery } = hands()
    const attempts: number[] = []
    const { subject } = engine({ counting: (attempt) => attempts.push(attempt) })
    void subject.receive([
      delivery('interrupted', { redelivered: true }),
      delivery('poison', { redelivered: true, progress: { counting: { started: 3, dueAt: 0 } } }),
    ])
    await settled()
    expect(attempts).toEqual([2])
    expect(notes[0]?.get('counting')?.started).toBe(2)
    expect(log).toEqual(['interrupted noted', 'interrupted acked', 'poison buried'])
    expect(letters.map(({ reason, attempts }) => ({ reason, attempts }))).toEqual([{ reason: 'crashed', attempts: 3 }])
  })

  test('of a process that died is surely settled before the next of them begins', async () => {
    const { log, delivery } = hands()
    let stored: (inTime: true) => void = () => undefined
    const first = { ...delivery('first', { redelivered: true }), ack: () => new Promise<true>((resolve) => (stored = resolve)) }
    const { subject } = engine({ quick: () => undefined })
    void subject.receive([first, delivery('second', { redelivered: true })])
    await settled()
    expect(log).toEqual(['first noted'])
    stored(true)
    await settled()
    expect(log).toEqual(['first noted', 'second noted', 'second acked'])
  })

  test('that may run only once and was perhaps never begun when a process died is run, and noted before', async () => {
    const { log, delivery } = hands()
    const attempts: number[] = []
    const { subject } = engine({ once: (attempt) => attempts.push(attempt) }, { maxAttempts: 1 })
    void subject.receive([
      delivery('innocent', { redelivered: true }),
      delivery('poison', { redelivered: true, progress: { once: { started: 1, dueAt: 0 } } }),
    ])
    await settled()
    expect(attempts).toEqual([1])
    expect(log).toEqual(['innocent noted', 'innocent acked', 'poison buried'])
  })

  test('keeps a handler that gave up in its progress until the dead letter is stored', async () => {
    const { log, notes, letters, delivery } = hands()
    const { subject, clock } = engine({
      rejecting: () => Promise.reject(new Reject('Never.')),
      failing: (attempt) => (attempt === 1 ? Promise.reject(new Error('Not now.')) : undefined),
    })
    void subject.receive([delivery('both', { key: 'a' })])
    await settled()
    expect([...(notes[0] ?? [])].map(([name, { started }]) => [name, started])).toEqual([
      ['rejecting', 1],
      ['failing', 1],
    ])
    await clock.advance(60_000)
    await settled()
    expect(log.at(-1)).toBe('both buried')
    expect(letters.map(({ handler, reason }) => ({ handler, reason }))).toEqual([{ handler: 'rejecting', reason: 'rejected' }])
  })

  test('that waits long for its next attempt is noted, and acknowledged when it is kept; the next of its key is put behind it', async () => {
    const { log, delivery } = hands()
    const store = new MemoryDeadLetterStore()
    let keep: () => void = () => undefined
    const kept = new Promise<void>((resolve) => (keep = resolve))
    const slow: IDeadLetterStore = {
      add: (letters) => kept.then(() => store.add(letters)),
      list: (filter, page) => store.list(filter, page),
      count: (filter) => store.count(filter),
      remove: (ids) => store.remove(ids),
    }
    const runs: string[] = []
    const failing = (): Promise<never> => {
      runs.push('run')
      return Promise.reject(new Error('Not now.'))
    }
    const { subject } = engine({ failing }, { store: slow })
    // one ownership, as a broker with order by key has it
    const lost = new AbortController().signal
    const of = (name: string): Delivery => ({ ...delivery(name, { key: 'a' }), lost })
    void subject.receive([of('first'), of('second')])
    await settled()
    expect(runs).toEqual(['run'])
    expect(log).toEqual(['first noted'])
    keep()
    await settled()
    await settled()
    expect(log.slice(1).sort()).toEqual(['first acked', 'second acked'])
    expect(subject.inHand).toBe(0)
    expect(store.list().letters.map(({ reason, attempts }) => `${reason} ${attempts}`)).toEqual(['waiting 1', 'parked 0'])
  })

  test('that waits long and belongs to somebody else by now is not parked here', async () => {
    const { log, delivery } = hands()
    const store = new MemoryDeadLetterStore()
    const { subject } = engine({ failing: () => Promise.reject(new Error('Not now.')) }, { store })
    void subject.receive([{ ...delivery('late', { key: 'a' }), note: () => false }])
    await settled()
    expect(log).toEqual([])
    expect(store.count()).toBe(0)
    expect(subject.inHand).toBe(0)
  })
})
