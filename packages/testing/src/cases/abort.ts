import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { type Abortable, type IBroker, PublishError, type WireMessage } from '@interline/core'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { ascending, numbers, type ThingEvent, ThingMade } from '../contract/events.js'
import type { Room } from '../contract/room.js'
import { ForwardingBroker } from '../forwarding-broker.js'
import { recorder } from '../waiting/recorder.js'
import { Gate, within } from '../waiting/wait-for.js'

/** Stores at once and answers when told to: a slow network. */
class SlowAnswers extends ForwardingBroker {
  readonly #gate: Gate
  readonly onPublished: Gate = new Gate()

  constructor(inner: IBroker, gate: Gate) {
    super(inner)
    this.#gate = gate
  }

  override async publish(messages: readonly WireMessage[], { signal }: Abortable = {}): Promise<void> {
    await this.inner.publish(messages, { signal })
    this.onPublished.open()
    await this.#gate.opened
  }
}

async function beforeDispatch(room: Room): Promise<void> {
  const bus = room.bus()
  const seen = recorder<ThingEvent>()
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await bus.start()
  const gone = AbortSignal.abort(new Error('Not needed.'))
  await assert.rejects(async () => bus.publish(ThingMade({ n: 0 }), { signal: gone }), isAborted('failed'))
  const { signal } = new AbortController()
  await Promise.all([bus.publish(ThingMade({ n: 1 }), { signal }), bus.publish(ThingMade({ n: 2 }))])
  await room.handled(seen, 2)
  await room.drained(bus)
  assert.deepEqual(ascending(numbers(seen.events)), [1, 2], 'nothing was sent of what was aborted')
  assert.equal(getEventListeners(signal, 'abort').length, 0, 'no listener remains')
}

async function inTheSameTick(room: Room): Promise<void> {
  const bus = room.bus()
  const seen = recorder<ThingEvent>()
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await bus.start()
  const controller = new AbortController()
  const before = bus.publish(ThingMade({ n: 1 }))
  const aborted = bus.publish(ThingMade({ n: 2 }), { signal: controller.signal })
  const after = bus.publish(ThingMade({ n: 3 }))
  controller.abort(new Error('Changed my mind.'))
  await assert.rejects(aborted, isAborted('failed'))
  await Promise.all([before, after])
  await room.handled(seen, 2)
  await room.drained(bus)
  assert.deepEqual(ascending(numbers(seen.events)), [1, 3], 'the others of its batch are untouched')
}

async function onTheWay(room: Room): Promise<void> {
  const gate = new Gate()
  let slow: SlowAnswers | undefined
  const bus = room.bus({
    wrap: (broker) => {
      slow = new SlowAnswers(broker, gate)
      return slow
    },
  })
  const seen = recorder<ThingEvent>()
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await bus.start()
  const controller = new AbortController()
  const aborted = bus.publish(ThingMade({ n: 1 }), { signal: controller.signal })
  const other = bus.publish(ThingMade({ n: 2 }))
  const rejected = assert.rejects(aborted, isAborted('unknown'))
  await slow?.onPublished.opened
  controller.abort(new Error('Took too long.'))
  await within(rejected, room.limits.gapMs, 'the aborted publish')
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0, 'no listener remains')
  gate.open()
  await other
  await room.handled(seen, 2)
}

function isAborted(outcome: 'failed' | 'unknown'): (error: unknown) => boolean {
  return (error) => error instanceof PublishError && error.outcome === outcome
}

/** A local broker has taken an event before `publish` returns: there is no moment in between to abort at. */
const remote = ({ local }: { readonly local: boolean }): boolean => !local

export const abortCases: readonly BrokerCase[] = cases(
  { id: 'B11', title: 'abort: before dispatch nothing is sent, and no listener remains', run: beforeDispatch },
  { id: 'B11', title: 'abort: one publish of a batch is taken out, the others are untouched', needs: remote, run: inTheSameTick },
  { id: 'B11', title: 'abort: on the way the outcome is unknown, and the others are untouched', needs: remote, run: onTheWay },
)
