import assert from 'node:assert/strict'
import { type BrokerCapabilities, type IDeadLetterStore, type IEventBus, UnsupportedFeatureError } from '@interline/core'
import { MemoryDeadLetterStore } from '@interline/memory'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { numbers, range, type ThingEvent, ThingMade } from '../contract/events.js'
import { quickRetry, type Room } from '../contract/room.js'
import { type Recorder, recorder } from '../waiting/recorder.js'

const keepsOrder = ({ order, retry }: BrokerCapabilities): boolean => order === 'key' && retry

/** Processes of one group whose handler can't take number 2 of the key "held" until it is healed. */
class Ward {
  readonly seen: Recorder<ThingEvent> = recorder<ThingEvent>(({ data: { n, key } }) => {
    if (this.#broken && key === 'held' && n === 2) throw new Error('This one can not be taken.')
  })
  readonly #room: Room
  readonly #deadLetters: IDeadLetterStore | undefined
  #broken = true

  constructor(room: Room) {
    this.#room = room
    this.#deadLetters = room.capabilities.deadLetters === 'browse' ? undefined : new MemoryDeadLetterStore()
  }

  async process(): Promise<IEventBus> {
    const bus = this.#room.bus({ deadLetters: this.#deadLetters })
    const failure = { retry: quickRetry(2), deadLetter: { keepOrder: true } }
    await bus.subscribe(ThingMade, this.seen.handle, { name: 'seen', order: 'key', failure })
    await bus.start()
    return bus
  }

  heal(): void {
    this.#broken = false
  }

  /** What was handled of the key. */
  ofKey(key: string): readonly number[] {
    return numbers(this.seen.events.filter(({ data }) => data.key === key))
  }

  /** Until so many letters are there. */
  async letters(bus: IEventBus, count: number): Promise<void> {
    let there = -1
    await this.#room.waitFor(async () => (there = await bus.deadLetters.count()) === count, {
      what: `${count} dead and parked letters`,
      progress: () => there,
    })
  }

  async handled(key: string, count: number): Promise<void> {
    await this.#room.waitFor(() => this.ofKey(key).length >= count, {
      what: `${count} events of "${key}"`,
      progress: () => this.ofKey(key).length,
    })
  }
}

function held(from: number, to: number): readonly ThingEvent[] {
  return range(to - from).map((n) => ThingMade({ n: n + from, key: 'held' }))
}

async function parks(room: Room): Promise<void> {
  const ward = new Ward(room)
  const bus = await ward.process()
  const others = range(5).map((n) => ThingMade({ n, key: 'other' }))
  await bus.publishBatch([...held(0, 6), ...others])
  await ward.handled('other', 5)
  await ward.letters(bus, 4)
  assert.deepEqual(ward.ofKey('held'), [0, 1], 'what follows a dead event waits')
  assert.deepEqual(ward.ofKey('other'), range(5), 'other keys do not')
  const { letters } = await bus.deadLetters.list()
  assert.deepEqual(
    letters.map(({ reason, message }) => `${reason} ${JSON.parse(String(message.data)).n}`),
    ['exhausted 2', 'parked 3', 'parked 4', 'parked 5'],
  )
  ward.heal()
  assert.equal(await bus.deadLetters.redrive({ reason: 'exhausted' }), 1)
  await ward.handled('held', 6)
  await ward.letters(bus, 0)
  await bus.publishBatch(held(6, 8))
  await ward.handled('held', 8)
  await room.drained(bus)
  assert.deepEqual(ward.ofKey('held'), range(8), 'the dead one first, then the rest, then what came afterwards')
}

async function outlivesItsProcess(room: Room): Promise<void> {
  const ward = new Ward(room)
  const first = await ward.process()
  await first.publishBatch(held(0, 4))
  await ward.letters(first, 2)
  await first.close()
  const second = await ward.process()
  await second.publishBatch(held(4, 6))
  await ward.letters(second, 4)
  assert.deepEqual(ward.ofKey('held'), [0, 1], 'the next process knows of it')
  ward.heal()
  await second.deadLetters.redrive({})
  await second.publishBatch(held(6, 9))
  await ward.handled('held', 9)
  await ward.letters(second, 0)
  assert.deepEqual(ward.ofKey('held'), range(9), 'in order, also with what came during the redrive')
}

async function diesAgain(room: Room): Promise<void> {
  const ward = new Ward(room)
  const bus = await ward.process()
  await bus.publishBatch(held(0, 4))
  await ward.letters(bus, 2)
  await bus.deadLetters.redrive({})
  await ward.seen.waitForRuns(6, { limitMs: room.limits.gapMs })
  await room.drained(bus)
  assert.deepEqual(ward.ofKey('held'), [0, 1])
  const { letters } = await bus.deadLetters.list()
  assert.deepEqual(
    letters.map(({ reason }) => reason),
    ['exhausted', 'parked'],
    'it is dead again, and first',
  )
  ward.heal()
  await bus.deadLetters.redrive({})
  await ward.handled('held', 4)
  await ward.letters(bus, 0)
  assert.deepEqual(ward.ofKey('held'), range(4))
}

async function discarded(room: Room): Promise<void> {
  const ward = new Ward(room)
  const bus = await ward.process()
  await bus.publishBatch(held(0, 5))
  await ward.letters(bus, 3)
  await bus.deadLetters.discard({ reason: 'exhausted' })
  await ward.handled('held', 4)
  await ward.letters(bus, 0)
  await bus.publishBatch(held(5, 6))
  await ward.handled('held', 5)
  assert.deepEqual(ward.ofKey('held'), [0, 1, 3, 4, 5], 'all but the discarded one')
}

async function refused(room: Room): Promise<void> {
  const bus = room.bus()
  const failure = { deadLetter: { keepOrder: true } }
  await assert.rejects(async () => {
    await bus.subscribe(ThingMade, () => undefined, { name: 'seen', order: 'none', failure })
    await bus.start()
  }, UnsupportedFeatureError)
}

export const keptOrderCases: readonly BrokerCase[] = cases(
  { id: 'B32', title: 'parked key: what follows a dead event waits, and a redrive gives all in order', needs: keepsOrder, run: parks },
  { id: 'B32', title: 'parked key: it outlives the process that parked it', needs: keepsOrder, run: outlivesItsProcess },
  { id: 'B32', title: 'parked key: what dies again is first again', needs: keepsOrder, run: diesAgain },
  { id: 'B32', title: 'parked key: what waits behind a discarded event goes on', needs: keepsOrder, run: discarded },
  { id: 'B32', title: 'parked key: refused without order by key', run: refused },
)
