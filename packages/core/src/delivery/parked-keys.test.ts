import { MemoryDeadLetterStore } from '@interline/memory'
import { describe, expect, test } from 'vitest'
import type { DeadLetter } from '../ports/dead-letter-store.js'
import type { Delivery } from '../ports/delivery.js'
import type { WireMessage } from '../ports/message.js'
import { systemClock } from '../system-clock.js'
import { letterId } from './letter.js'
import { ParkedKeys } from './parked-keys.js'
import { decodeProgress } from './progress.js'

const message: WireMessage = { destination: 'orders', topic: 'orders.made', key: 'a', attributes: { id: 'e' }, data: '{}' }
const hourMs = 3_600_000

function letter(ref: string, deadAt: number, more: Partial<DeadLetter> = {}): DeadLetter {
  return {
    id: letterId('mail', 'send', ref),
    group: 'mail',
    handler: 'send',
    destination: 'orders',
    topic: 'orders.made',
    eventType: 'Made',
    eventId: ref,
    correlationId: undefined,
    reason: 'parked',
    error: { name: 'Error', message: 'no' },
    attempts: 0,
    firstAttemptAt: 0,
    deadAt,
    keepsOrder: true,
    message,
    ...more,
  }
}

function waiting(ref: string, deadAt: number, dueInMs = hourMs): DeadLetter {
  return letter(ref, deadAt, { reason: 'waiting', attempts: 1, dueAt: Date.now() + dueInMs })
}

/** An owner of the key, with the copies that it sent on their way. */
function owner(store: MemoryDeadLetterStore) {
  const sent: string[] = []
  const ownership = new AbortController().signal
  const parking = new ParkedKeys({
    group: 'mail',
    destination: 'orders',
    store,
    clock: systemClock,
    publish: (messages) => {
      for (const { target, deliverAt } of messages) {
        const { parked } = decodeProgress(target?.progress ?? '')
        sent.push(`${parked?.id.split(':').at(-1)} of turn ${parked?.turn}${deliverAt === undefined ? '' : ', later'}`)
      }
    },
    insist: (call) => call(),
  })
  const delivery = (ref: string): Delivery => ({ ref, message, lost: ownership }) as unknown as Delivery
  return {
    sent,
    put: (each: DeadLetter) => parking.put(each, 'a', delivery(each.eventId)),
    passed: (ref: string) => parking.passed('send', 'a', delivery(ref), letterId('mail', 'send', ref)),
    admit: async (ref: string) => parking.admit('send', 'a', delivery(ref), undefined),
    admitCopy: async (ref: string, turn: number) =>
      parking.admit('send', 'a', delivery(`copy of ${ref}`), { id: letterId('mail', 'send', ref), turn }),
  }
}

const skip = { kind: 'skip' }

describe('a key of which an event waits long for its next attempt', () => {
  test('lets nothing of it pass, and comes back by a copy when it is due', async () => {
    const store = new MemoryDeadLetterStore()
    const { put, admit, sent } = owner(store)
    expect(await admit('1')).toEqual({ kind: 'run' })
    await put(waiting('1', 10))
    expect(await admit('2')).toEqual({ kind: 'park', behind: 10 })
    await put(letter('2', 11))
    expect(await admit('3')).toEqual({ kind: 'park', behind: 11 })
    expect(sent).toEqual(['1 of turn 1, later'])
    expect(store.count()).toBe(2)
  })

  test('sends copies of what follows when the first is through, and knows nothing of it when the last is', async () => {
    const store = new MemoryDeadLetterStore()
    const { put, admit, admitCopy, passed, sent } = owner(store)
    for (const each of [waiting('1', 10), letter('2', 11), letter('3', 12)]) await put(each)
    expect(await admitCopy('1', 1)).toEqual({ kind: 'run', deadAt: 10 })
    await passed('1')
    expect(sent.slice(1)).toEqual(['2 of turn 0', '3 of turn 0'])
    expect(await admitCopy('2', 0)).toEqual({ kind: 'run', deadAt: 11 })
    await passed('2')
    await passed('3')
    expect(store.count()).toBe(0)
    expect(await admit('4')).toEqual({ kind: 'run' })
  })

  test('is known to its next owner, with what follows', async () => {
    const store = new MemoryDeadLetterStore()
    store.add([waiting('1', 10), letter('2', 11)])
    const { admit, sent } = owner(store)
    expect(await admit('3')).toEqual({ kind: 'park', behind: 11 })
    expect(sent).toEqual([])
  })

  test('sends its copy once more where the process died before that was sent', async () => {
    const store = new MemoryDeadLetterStore()
    store.add([waiting('1', 10)])
    const { admit, sent } = owner(store)
    expect(await admit('1')).toEqual(skip)
    expect(sent).toEqual(['1 of turn 1, later'])
  })

  test('sends its copy once more where it is long due when the key gets a new owner', async () => {
    const store = new MemoryDeadLetterStore()
    store.add([waiting('1', 10, -hourMs)])
    const { admit, sent } = owner(store)
    expect(await admit('2')).toEqual({ kind: 'park', behind: 10 })
    await new Promise((resolve) => setImmediate(resolve))
    expect(sent).toEqual(['1 of turn 1'])
  })

  test('does not run a copy of a turn that is over, nor one that is through', async () => {
    const store = new MemoryDeadLetterStore()
    const { put, admitCopy, passed } = owner(store)
    await put(waiting('1', 10))
    await put({ ...waiting('1', 10), attempts: 2 })
    expect(await admitCopy('1', 1)).toEqual(skip)
    expect(await admitCopy('1', 2)).toEqual({ kind: 'run', deadAt: 10 })
    await passed('1')
    expect(await admitCopy('1', 2)).toEqual(skip)
  })

  test('sends those that came too early again when the one before them is through', async () => {
    const store = new MemoryDeadLetterStore()
    const { put, admitCopy, passed, sent } = owner(store)
    for (const each of [waiting('1', 10), letter('2', 11), letter('3', 12)]) await put(each)
    await passed('1')
    await put({ ...waiting('2', 11), attempts: 1 })
    expect(await admitCopy('3', 0)).toEqual(skip)
    expect(await admitCopy('2', 1)).toEqual({ kind: 'run', deadAt: 11 })
    await passed('2')
    expect(sent).toEqual(['1 of turn 1, later', '2 of turn 0', '3 of turn 0', '2 of turn 1, later', '3 of turn 0'])
  })

  test('learns of what an owner before put there at the last moment when its copy comes', async () => {
    const store = new MemoryDeadLetterStore()
    const { admit, admitCopy } = owner(store)
    expect(await admit('2')).toEqual({ kind: 'run' })
    store.add([waiting('1', 10)])
    expect(await admitCopy('1', 1)).toEqual({ kind: 'run', deadAt: 10 })
    expect(await admit('3')).toEqual({ kind: 'park', behind: 10 })
  })
})
