import { MemoryDeadLetterStore } from '@interline/memory'
import { describe, expect, test } from 'vitest'
import type { DeadLetter, DeadLetterReason } from '../ports/dead-letter-store.js'
import type { Delivery } from '../ports/delivery.js'
import type { WireMessage } from '../ports/message.js'
import { HeldKeys } from './held-keys.js'
import { letterId } from './letter.js'
import { decodeProgress } from './progress.js'

const message: WireMessage = { destination: 'orders', topic: 'orders.made', key: 'a', attributes: { id: 'e' }, data: '{}' }

function letter(ref: string, reason: DeadLetterReason, deadAt: number, more: Partial<DeadLetter> = {}): DeadLetter {
  const about = { group: 'mail', handler: 'send', destination: 'orders', topic: 'orders.made', eventType: 'Made', eventId: ref }
  const error = { name: 'Error', message: 'no' }
  const id = letterId('mail', 'send', ref)
  return {
    id,
    ...about,
    correlationId: undefined,
    reason,
    error,
    attempts: 1,
    firstAttemptAt: 0,
    deadAt,
    keepsOrder: true,
    message,
    ...more,
  }
}

/** The owner of a key, with what it sent on its way. */
function owner(store: MemoryDeadLetterStore) {
  const sent: string[] = []
  const ownership = new AbortController().signal
  const held = new HeldKeys({
    group: 'mail',
    destination: 'orders',
    store,
    publish: (messages) => void sent.push(...messages.map(({ target }) => decodeProgress(target?.progress ?? '').letter ?? 'no letter')),
    insist: (call) => call(),
  })
  const delivery = (ref: string): Delivery => ({ ref, message, lost: ownership }) as unknown as Delivery
  return { held, sent, delivery, admit: async (ref: string, redriven?: string) => held.admit('send', 'a', delivery(ref), redriven) }
}

describe('a key of which an event is dead', () => {
  test('is known to its next owner, who parks behind what is there', async () => {
    const store = new MemoryDeadLetterStore()
    store.add([letter('1', 'exhausted', 10), letter('2', 'parked', 11)])
    expect(await owner(store).admit('3')).toEqual({ kind: 'park', behind: 11 })
  })

  test('holds back nothing of another handler, destination or group, nor where order is not kept', async () => {
    const store = new MemoryDeadLetterStore()
    const others = [{ handler: 'count' }, { destination: 'bills' }, { group: 'stock' }, { keepsOrder: undefined }]
    store.add(others.map((other, index) => letter(String(index), 'exhausted', 10, { id: String(index), ...other })))
    expect(await owner(store).admit('9')).toEqual({ kind: 'run' })
  })

  test('takes an event that is among its letters for one whose acknowledgement was lost', async () => {
    const store = new MemoryDeadLetterStore()
    store.add([letter('1', 'exhausted', 10), letter('2', 'parked', 11)])
    const { admit } = owner(store)
    expect([await admit('1'), await admit('2')]).toEqual([{ kind: 'skip' }, { kind: 'skip' }])
  })

  test('gives its first letter first, whichever was asked for, and each of the others when the one before was handled', async () => {
    const store = new MemoryDeadLetterStore()
    const [first, second, third] = [letter('1', 'exhausted', 10), letter('2', 'parked', 11), letter('3', 'parked', 12)]
    store.add([first, second, third])
    const { admit, held, sent, delivery } = owner(store)
    expect(await admit('r1', third.id)).toEqual({ kind: 'skip' })
    expect(sent).toEqual([first.id])
    expect(await admit('r2', first.id)).toEqual({ kind: 'run', deadAt: 10 })
    await held.handled('send', 'a', delivery('r2'), first.id)
    expect(sent).toEqual([first.id, second.id])
    expect(store.count()).toBe(2)
  })

  test('goes on where a process ended between the removal of a letter and the next copy', async () => {
    const store = new MemoryDeadLetterStore()
    const [first, second] = [letter('1', 'exhausted', 10), letter('2', 'parked', 11)]
    store.add([second])
    const { admit, sent } = owner(store)
    expect(await admit('r1', first.id)).toEqual({ kind: 'skip' })
    expect(sent).toEqual([second.id])
  })

  test('does not run what is dead because something else of it was discarded', async () => {
    const store = new MemoryDeadLetterStore()
    store.add([letter('1', 'exhausted', 10)])
    const { admit, sent } = owner(store)
    expect(await admit('r1', '')).toEqual({ kind: 'skip' })
    expect(sent).toEqual([])
  })
})
