import { Gate, waitFor } from '@interline/testing'
import { afterEach, expect, test } from 'vitest'
import type { BrokerContext } from '../context.js'
import type { OutgoingRecord } from '../drivers/driver.js'
import { KafkaDelivery } from '../kafka-delivery.js'
import { decodeRecord, doneHeader, dueHeader, holdHeader, progressHeader } from '../kafka-message.js'
import { Names } from '../names.js'
import type { CommitLoop } from './commit-loop.js'
import { OwnedPartition } from './owned-partition.js'
import { PartitionLog } from './partition-log.js'
import { Settlement } from './settlement.js'

const source = { group: 'g', destination: 'orders', topics: ['>'], order: 'none', from: 'now', broadcast: false, window: 100 } as const

/** The group's own topic, by the one that writes there. */
class Room {
  readonly stored: OutgoingRecord[] = []
  /** Runs before something is stored. */
  storing: () => Promise<void> | void = () => undefined
  readonly settlement: Settlement

  constructor() {
    const context = {
      options: { sessionTimeoutMs: 90, requestTimeoutMs: 1_000 },
      names: new Names(''),
      counts: { delivered: 0, acked: 0, retried: 0, deadLettered: 0 },
      store: async (records: readonly OutgoingRecord[], signal: AbortSignal) => {
        if (signal.aborted) return false
        await this.storing()
        this.stored.push(...records)
        return !signal.aborted
      },
    } as unknown as BrokerContext
    const commits = { wake: () => undefined, committed: async () => true } as unknown as CommitLoop
    this.settlement = new Settlement(context, source, commits, () => undefined)
    rooms.push(this)
  }

  delivery(partition: number): KafkaDelivery {
    const owned = new OwnedPartition(partition)
    const log = new PartitionLog({ topic: 'orders', partition, offset: 0, metadata: '' })
    owned.logs = [log]
    const headers = { ce_id: Buffer.from('1'), ce_type: Buffer.from('T') }
    const record = { offset: 0, key: null, value: Buffer.from('{}'), headers }
    const taken = log.take(0, 0)
    if (taken === undefined) throw new Error('It is taken once.')
    const delivery = new KafkaDelivery(this.settlement, owned, log, record, decodeRecord('orders', record), taken)
    this.settlement.handed(delivery)
    return delivery
  }

  /** Of a partition: the holds that nobody ended, oldest first. */
  open(partition: number): readonly OutgoingRecord[] {
    const mine = this.stored.filter((record) => record.partition === partition)
    const done = new Set(mine.map(({ headers }) => headers[doneHeader]))
    return mine.filter(({ headers }) => headers[holdHeader] !== undefined && !done.has(headers[holdHeader]))
  }

  written(partition: number): number {
    return this.stored.filter(({ partition: number, headers }) => number === partition && headers[holdHeader] !== undefined).length
  }

  /** As a group does it whose session is over. */
  lose(delivery: KafkaDelivery): void {
    delivery.owned.gone = true
    delivery.owned.lost.abort()
    this.settlement.end(delivery)
  }
}

const rooms: Room[] = []

afterEach(async () => {
  for (const { settlement } of rooms.splice(0)) await settlement.close()
})

test('one that was lost does not keep the holds of others from being renewed', async () => {
  const room = new Room()
  const [lost, other] = [room.delivery(0), room.delivery(1)]
  await room.settlement.handOff([lost, other])
  room.lose(lost)
  await waitFor(() => room.written(1) > 2, { what: 'the hold to be renewed twice' })
  expect(room.open(1)).toHaveLength(1)
  // its own hold runs out, and others run it
  expect(room.written(0)).toBe(1)
})

test('one that is lost while its hold is renewed is not taken for finished', async () => {
  const room = new Room()
  const [other, lost] = [room.delivery(1), room.delivery(0)]
  await room.settlement.handOff([other, lost])
  room.storing = () => {
    room.storing = () => undefined
    room.lose(lost)
  }
  await waitFor(() => room.written(1) > 2, { what: 'the hold of the other to be renewed' })
  expect(room.open(0)).toHaveLength(1)
})

test('one that is let go after it was handed off is for others at once, and no suspect', async () => {
  const room = new Room()
  const delivery = room.delivery(0)
  await room.settlement.handOff([delivery])
  delivery.release()
  const given = (): readonly OutgoingRecord[] => room.stored.filter(({ headers }) => headers[dueHeader] === '0')
  await waitFor(() => given().length === 1, { what: 'it to be stored for others' })
  expect(given()[0]?.headers[holdHeader]).toBeUndefined()
  expect(room.open(0)).toHaveLength(0)
  expect(room.settlement.unsettled).toBe(0)
})

test('what is noted for one that is held is kept when its hold is renewed', async () => {
  const room = new Room()
  const delivery = room.delivery(0)
  await delivery.note('one')
  await room.settlement.handOff([delivery])
  const written = room.written(0)
  await waitFor(() => room.written(0) > written, { what: 'the hold to be renewed' })
  expect(room.stored.at(-1)?.headers).toMatchObject({ [doneHeader]: expect.any(String) })
  expect(room.open(0)[0]?.headers[progressHeader]).toBe('one')
  await delivery.note('two')
  const noted = room.written(0)
  await waitFor(() => room.written(0) > noted, { what: 'the hold to be renewed again' })
  expect(room.open(0)[0]?.headers[progressHeader]).toBe('two')
})

test('a note while the hold is renewed leaves one hold', async () => {
  const room = new Room()
  const delivery = room.delivery(0)
  await room.settlement.handOff([delivery])
  const renewed = new Gate()
  let isRenewing = false
  room.storing = () => {
    isRenewing = true
    return renewed.opened
  }
  await waitFor(() => isRenewing, { what: 'the hold to be renewed' })
  const noted = delivery.note('one')
  renewed.open()
  await noted
  expect(room.open(0)).toHaveLength(1)
  await delivery.ack()
  expect(room.open(0)).toHaveLength(0)
})
