import assert from 'node:assert/strict'
import {
  type Awaitable,
  type BrokerCapabilities,
  type Consumer,
  type Delivery,
  EventTooLargeError,
  type IBroker,
  type IEventBus,
  type Receive,
  type Source,
  topic,
  UnsupportedFeatureError,
} from '@interline/core'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { numbers, type ThingEvent, ThingMade, things } from '../contract/events.js'
import type { Room } from '../contract/room.js'
import { ForwardingBroker } from '../forwarding-broker.js'
import { type Recorder, recorder } from '../waiting/recorder.js'
import { Gate } from '../waiting/wait-for.js'

/** Largest limit that a test fills with a real event. */
const practicalBytes = 4_194_304

/** What the broker says of itself, changed. */
class Pretending extends ForwardingBroker {
  readonly #capabilities: BrokerCapabilities

  constructor(inner: IBroker, changed: Partial<BrokerCapabilities>) {
    super(inner)
    this.#capabilities = { ...inner.capabilities, ...changed }
  }

  override get capabilities(): BrokerCapabilities {
    return this.#capabilities
  }

  override get deadLetters(): IBroker['deadLetters'] {
    return this.#capabilities.deadLetters === 'browse' ? this.inner.deadLetters : undefined
  }
}

/** Counts what was handed out and not settled. */
class Counting extends ForwardingBroker {
  handedOut = 0
  settled = 0
  most = 0

  override subscribe(source: Source, receive: Receive): Awaitable<Consumer> {
    return this.inner.subscribe(source, (deliveries) => {
      this.handedOut += deliveries.length
      this.most = Math.max(this.most, this.handedOut - this.settled)
      return receive(deliveries.map((delivery) => this.#watched(delivery)))
    })
  }

  #watched(delivery: Delivery): Delivery {
    const count = <T>(outcome: T): T => {
      this.settled += 1
      return outcome
    }
    return {
      message: delivery.message,
      ref: delivery.ref,
      progress: delivery.progress,
      redelivered: delivery.redelivered,
      lost: delivery.lost,
      undecodable: delivery.undecodable,
      ack: () => count(delivery.ack()),
      note: (progress) => delivery.note(progress),
      retry: (retry) => count(delivery.retry(retry)),
      deadLetter: (letters) => count(delivery.deadLetter(letters)),
    }
  }
}

async function concurrencyIsKept(room: Room): Promise<void> {
  const bus = room.bus()
  const gate = new Gate()
  const seen = recorder<ThingEvent>(() => gate.opened)
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen', order: 'none', concurrency: 3 })
  await bus.start()
  await bus.publishBatch(things(50))
  await seen.waitForRuns(3, { limitMs: room.limits.gapMs })
  assert.equal(seen.running, 3)
  gate.open()
  await room.handled(seen, 50)
  assert.equal(seen.mostAtOnce, 3, 'never more than the concurrency')
}

async function handsAreBounded(room: Room): Promise<void> {
  const waiting = room.count(100_000, 10_000)
  const window = 100
  let counting: Counting | undefined
  const bus = room.bus({ window, dedup: false, wrap: (broker) => (counting = new Counting(broker)) })
  const gate = new Gate()
  const seen = recorder<ThingEvent>(() => gate.opened)
  await bus.subscribe(ThingMade, seen.handle, { name: 'slow', order: 'none', concurrency: 2 })
  await bus.start()
  const events = things(waiting)
  for (let start = 0; start < waiting; start += 1_000) await bus.publishBatch(events.slice(start, start + 1_000))
  await seen.waitForRuns(2, { limitMs: room.limits.gapMs })
  const limit = window * 2
  assert.ok((counting?.most ?? 0) <= limit, `at most ${limit} in hand, and there were ${counting?.most}`)
  gate.open()
  await room.handled(seen, waiting)
  assert.ok((counting?.most ?? 0) <= limit, `at most ${limit} in hand, and there were ${counting?.most}`)
  assert.equal(new Set(numbers(seen.events)).size, waiting)
}

async function tooLarge(room: Room): Promise<void> {
  const maxMessageBytes = Math.min(room.capabilities.maxMessageBytes, practicalBytes)
  const bus = room.bus({ wrap: (broker) => new Pretending(broker, { maxMessageBytes }) })
  const seen = recorder<ThingEvent>()
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await bus.start()
  const isTooLarge = (error: unknown): boolean => error instanceof EventTooLargeError && error.message.includes(String(maxMessageBytes))
  // Two bytes a character: what counts is bytes.
  const payload = 'ä'.repeat(Math.ceil(maxMessageBytes / 2))
  await assert.rejects(async () => bus.publish(ThingMade({ n: 0, payload })), isTooLarge)
  await bus.publish(ThingMade({ n: 1, payload: 'x'.repeat(Math.floor(maxMessageBytes / 2)) }))
  await room.handled(seen, 1)
  await room.drained(bus)
  assert.deepEqual(numbers(seen.events), [1], 'nothing of it was sent')
}

async function refusedNotIgnored(room: Room): Promise<void> {
  const off: Partial<BrokerCapabilities> = {
    order: 'none',
    replay: false,
    delayedDelivery: false,
    patterns: false,
    broadcast: false,
    retry: false,
    deadLetters: 'none',
    deadLetterAddress: false,
  }
  const bus = (): IEventBus => room.bus({ deadLetters: undefined, wrap: (broker) => new Pretending(broker, off) })
  const refused = async (what: string, call: () => Promise<unknown>): Promise<void> => {
    await assert.rejects(call, (error) => error instanceof UnsupportedFeatureError && error.message.length > 20, `${what} must be refused`)
  }
  const subscribing = (options: object) => async (): Promise<void> => {
    const one = bus()
    await one.subscribe(ThingMade, () => undefined, { name: 'seen', ...options })
    await one.start()
  }
  await refused(`order: 'key'`, subscribing({ order: 'key' }))
  await refused(`from: 'beginning'`, subscribing({ from: 'beginning' }))
  await refused('from: a Date', subscribing({ from: new Date(0) }))
  await refused('broadcast', subscribing({ broadcast: true }))
  await refused('failure.retry', subscribing({ failure: { retry: { maxAttempts: 3 } } }))
  await refused('failure.deadLetter.exchange', subscribing({ failure: { deadLetter: { exchange: 'graveyard', routingKey: 'orders' } } }))
  await refused('failure.deadLetter', subscribing({ failure: { deadLetter: { enabled: true } } }))
  const alone = room.bus({ deadLetters: undefined, wrap: (broker) => new Pretending(broker, { groups: false, broadcast: true }) })
  await alone.subscribe(ThingMade, () => undefined, { name: 'seen', broadcast: false })
  await refused('a group', () => alone.start())
  await refused('a pattern over destinations', async () => {
    const one = bus()
    await one.subscribe(topic('*.made'), () => undefined, { name: 'seen' })
    await one.start()
  })
  const publisher = bus()
  await refused('deliverAt', async () => publisher.publish(ThingMade({ n: 0 }), { deliverAt: new Date(Date.now() + 60_000) }))
  await refused('delayMs', async () => publisher.publish(ThingMade({ n: 0 }), { delayMs: 60_000 }))
  await refused('looking at dead letters', () => publisher.deadLetters.list())
}

async function scheduled(room: Room): Promise<void> {
  const seen = recorder<ThingEvent>()
  const first = room.bus()
  await first.subscribe(ThingMade, seen.handle, { name: 'seen', order: 'none' })
  await first.start()
  const at = Date.now() + 900
  await first.publish(ThingMade({ n: 1 }), { deliverAt: new Date(at) })
  await first.publish(ThingMade({ n: 2 }), { delayMs: 300 })
  await first.publish(ThingMade({ n: 3 }))
  await room.handled(seen, 1)
  const consumer = room.capabilities.durable ? await restarted(room, first, seen) : first
  await room.handled(seen, 3, room.limits.gapMs + 900)
  await room.drained(consumer)
  assert.deepEqual(numbers(seen.events), [3, 2, 1])
  const lateMs = Date.now() - (performance.now() - (seen.runs[2]?.atMs ?? assert.fail())) - at
  assert.ok(lateMs >= -2, `never early, and it was by ${-lateMs} ms`)
  assert.ok(lateMs < 1_000, `late by ${lateMs} ms`)
}

async function restarted(room: Room, first: IEventBus, seen: Recorder<ThingEvent>): Promise<IEventBus> {
  await first.close()
  const second = room.bus()
  await second.subscribe(ThingMade, seen.handle, { name: 'seen', order: 'none' })
  await second.start()
  return second
}

async function refusesSchedule(room: Room): Promise<void> {
  const bus = room.bus()
  await bus.start()
  await assert.rejects(
    async () => bus.publish(ThingMade({ n: 0 }), { delayMs: 1_000 }),
    (error) => error instanceof UnsupportedFeatureError,
  )
}

async function lag(room: Room): Promise<void> {
  const gate = new Gate()
  const seen = recorder<ThingEvent>(() => gate.opened)
  const bus = room.bus()
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await bus.start()
  const metrics = async (): Promise<{ readonly lag: number }> => bus.getBroker().getMetrics()
  assert.equal((await metrics()).lag, 0, 'at the beginning')
  const count = room.count(1_000, 1_000)
  await bus.publishBatch(things(count, 10))
  let last = -1
  await room.waitFor(async () => (last = (await metrics()).lag) === count, { what: `a lag of ${count}`, progress: () => last })
  gate.open()
  await room.handled(seen, count)
  await room.drained(bus)
  const { published, delivered, acked, state } = await bus.getBroker().getMetrics()
  assert.ok(
    published >= count && delivered >= count && acked >= count,
    `the counters are right: ${JSON.stringify({ published, delivered, acked })}`,
  )
  assert.equal(state, 'ready')
  assert.equal((await bus.health()).status, 'pass')
}

export const limitCases: readonly BrokerCase[] = cases(
  { id: 'B21', title: 'limits: the concurrency is never exceeded', run: concurrencyIsKept },
  { id: 'B21', title: 'limits: with many waiting and a slow handler, what is in hand stays bounded', run: handsAreBounded },
  { id: 'B24', title: 'too large: refused at publish, and nothing is sent', run: tooLarge },
  { id: 'B25', title: 'refused, not ignored: a capability that is off', run: refusedNotIgnored },
  { id: 'B30', title: 'large backlog: the lag is right at 0, with a backlog and after draining', run: lag },
  {
    id: 'B31',
    title: 'scheduled delivery: never early, late by less than 1 s',
    needs: ({ delayedDelivery }) => delayedDelivery,
    refused: { title: 'scheduled delivery is refused', run: refusesSchedule },
    run: scheduled,
  },
)
