import { ConfigurationError, type Delivery, PublishError, SubscriptionError } from '@interline/core'
import { describe, expect, it } from 'vitest'
import { ackAll, connected, idOf, member, message, turn } from '../test/members.js'
import { MemoryBroker } from './memory-broker.js'

const retry = { progress: 'once more', deadLetters: [] }

describe('publishing to a memory broker', () => {
  it('has delivered before publish returns, and answers no promise', async () => {
    const { broker } = connected()
    const { ids } = await member(broker, {}, ackAll)
    expect(broker.publish([message(1), message(2)])).toBeUndefined()
    expect(ids()).toEqual(['1', '2'])
    expect(broker.getMetrics()).toEqual({
      state: 'ready',
      published: 2,
      delivered: 2,
      acked: 2,
      retried: 0,
      deadLettered: 0,
      lag: 0,
      delayed: 0,
      unsettled: 0,
    })
  })

  it('gives every group its own copy, and a group of two consumers one between them', async () => {
    const { broker } = connected()
    const alone = await member(broker, { group: 'alone' }, ackAll)
    const left = await member(broker, { group: 'shared' }, ackAll)
    const right = await member(broker, { group: 'shared' }, ackAll)
    for (let n = 0; n < 10; n++) await broker.publish([message(n)])
    expect(alone.ids()).toHaveLength(10)
    expect([...left.ids(), ...right.ids()].sort()).toEqual([...alone.ids()].sort())
    expect(left.ids()).toHaveLength(5)
  })

  it('shares a batch among the consumers of a group', async () => {
    const { broker } = connected()
    const left = await member(broker, {}, ackAll)
    const right = await member(broker, {}, ackAll)
    await broker.publish(Array.from({ length: 40 }, (_, n) => message(n)))
    expect([left.arrived.length, right.arrived.length].every((count) => count >= 10)).toBe(true)
    expect(left.arrived.length + right.arrived.length).toBe(40)
  })

  it('refuses beyond maxPending, names what failed and who is behind, and deletes nothing', async () => {
    const { broker } = connected({ maxPending: 3 })
    const { consumer } = await member(broker, { group: 'slow' })
    await consumer.close()
    const refused = broker.publish([1, 2, 3, 4, 5].map((n) => message(n)))
    await expect(refused).rejects.toThrow(PublishError)
    await expect(refused).rejects.toMatchObject({
      failed: [3, 4],
      outcome: 'failed',
      message: expect.stringMatching(/"things".*"slow".*maxPending is 3.*removeGroup/),
    })
    const { ids } = await member(broker, { group: 'slow' }, ackAll)
    await turn()
    expect(ids()).toEqual(['1', '2', '3'])
    expect(broker.publish([message(6)])).toBeUndefined()
  })

  it('warns in its health before it refuses', async () => {
    const { broker } = connected({ maxPending: 10 })
    const { arrived } = await member(broker, { group: 'slow' })
    await broker.publish(Array.from({ length: 7 }, (_, n) => message(n)))
    expect(broker.health()).toEqual({ status: 'pass' })
    await broker.publish([message(8)])
    expect(broker.health()).toMatchObject({
      status: 'warn',
      output: expect.stringMatching(/"slow" with 1 consumers.*8 messages/),
      observedValue: 8,
    })
    arrived[0]!.ack()
    expect(broker.health()).toEqual({ status: 'pass' })
  })

  it('counts what is in hand or delayed as pending too', async () => {
    const { broker } = connected({ maxPending: 2 })
    const { arrived } = await member(broker)
    await broker.publish([message(1), message(2)])
    arrived[0]!.retry({ ...retry, afterMs: 1_000 })
    await expect(broker.publish([message(3)])).rejects.toThrow(PublishError)
    arrived[1]!.ack()
    expect(broker.publish([message(3)])).toBeUndefined()
  })

  it('hands a redriven message to its group only, with its progress', async () => {
    const { broker } = connected()
    const wanted = await member(broker, { group: 'wanted' }, ackAll)
    const other = await member(broker, { group: 'other' }, ackAll)
    await broker.publish([message(1, { target: { group: 'wanted', progress: 'third attempt' } }), message(2)])
    expect(wanted.arrived.map(({ progress }) => progress)).toEqual(['third attempt', undefined])
    expect(other.ids()).toEqual(['2'])
    await expect(broker.publish([message(3, { target: { group: 'nobody', progress: '' } })])).rejects.toThrow(/no group "nobody"/)
  })

  it('refuses options that are no sensible numbers', () => {
    for (const options of [{ maxPending: 0 }, { historyLimit: -1 }, { maxMessageBytes: Number.NaN }, { maxPending: 1.5 }]) {
      expect(() => new MemoryBroker(options)).toThrow(ConfigurationError)
    }
  })
})

describe('a group of a memory broker', () => {
  it('keeps its position while nobody is there', async () => {
    const { broker } = connected()
    const first = await member(broker, {}, ackAll)
    await broker.publish([message(1)])
    await first.consumer.close()
    await broker.publish([message(2), message(3)])
    expect(broker.listGroups()).toEqual([{ group: 'g', destination: 'things', lag: 2, unsettled: 0, delayed: 0, consumers: 0 }])
    const second = await member(broker, { from: 'beginning' }, ackAll)
    await turn()
    expect(second.ids()).toEqual(['2', '3'])
  })

  it('begins where it is told when it is new, within what history keeps', async () => {
    const { broker } = connected({ historyLimit: 3 })
    const at = (n: number) => message(n, { attributes: { id: String(n), time: `2030-01-01T00:00:0${n}Z` } })
    await broker.publish([1, 2, 3, 4, 5].map(at))
    const now = await member(broker, { group: 'now' }, ackAll)
    const all = await member(broker, { group: 'all', from: 'beginning' }, ackAll)
    const since = await member(broker, { group: 'since', from: new Date('2030-01-01T00:00:04Z') }, ackAll)
    const long = await member(broker, { group: 'long', from: new Date(0) }, ackAll)
    await turn()
    expect(now.ids()).toEqual([])
    expect(all.ids()).toEqual(['3', '4', '5'])
    expect(since.ids()).toEqual(['4', '5'])
    expect(long.ids()).toEqual(['3', '4', '5'])
  })

  it('never misses what it has not read, however short history is', async () => {
    const { broker } = connected({ historyLimit: 0 })
    const { consumer } = await member(broker)
    await consumer.close()
    const ids = Array.from({ length: 2_000 }, (_, n) => String(n))
    await broker.publish(ids.map((id) => message(id)))
    const later = await member(broker, {}, ackAll)
    await turn()
    await turn()
    expect(later.ids()).toEqual(ids)
  })

  it('gives back what a closed consumer had in hand, in order, with what was noted', async () => {
    const { broker } = connected()
    const first = await member(broker, { window: 3 })
    await broker.publish([1, 2, 3, 4].map((n) => message(n)))
    first.arrived[1]!.note('half done')
    const second = await member(broker)
    await turn()
    expect(second.ids()).toEqual(['4'])
    expect(first.arrived[0]!.lost.aborted).toBe(false)
    await first.consumer.close()
    await turn()
    expect(second.arrived.map((delivery) => [idOf(delivery), delivery.redelivered, delivery.progress])).toEqual([
      ['4', false, undefined],
      ['1', true, undefined],
      ['2', true, 'half done'],
      ['3', true, undefined],
    ])
    expect(first.arrived[0]!.lost.aborted).toBe(true)
    expect(settlementsOf(first.arrived[0]!)).toEqual([false, false, false, false])
    expect(second.arrived[1]!.ref).toBe(first.arrived[0]!.ref)
  })

  it('settles a delivery once', async () => {
    const { broker } = connected()
    const { arrived } = await member(broker)
    await broker.publish([message(1)])
    expect(arrived[0]!.ack()).toBe(true)
    expect(settlementsOf(arrived[0]!)).toEqual([false, false, false, false])
    expect(broker.getMetrics()).toMatchObject({ acked: 1, retried: 0, lag: 0 })
  })

  it('hands out nothing while paused, and goes on after', async () => {
    const { broker } = connected()
    const { consumer, ids } = await member(broker, {}, ackAll)
    consumer.pause()
    await broker.publish([message(1)])
    expect(ids()).toEqual([])
    consumer.resume()
    await turn()
    expect(ids()).toEqual(['1'])
    await consumer.stop()
    consumer.resume()
    await broker.publish([message(2)])
    expect(ids()).toEqual(['1'])
  })

  it('refuses a second consumer that wants another order', async () => {
    const { broker } = connected()
    await member(broker, { order: 'key' })
    await expect(member(broker, { order: 'none' })).rejects.toThrow(SubscriptionError)
  })

  it('ends by removeGroup, which waits for nobody but refuses where somebody is', async () => {
    const { broker } = connected()
    const { consumer } = await member(broker)
    await expect(broker.removeGroup('g', 'things')).rejects.toThrow(/1 consumers/)
    await consumer.close()
    await broker.publish([message(1)])
    await broker.removeGroup('g', 'things')
    await broker.removeGroup('g', 'never seen')
    expect(broker.listGroups()).toEqual([])
    expect(broker.getMetrics().lag).toBe(0)
  })

  it('is left out of broadcast, which gives each consumer its own copy and keeps none', async () => {
    const { broker } = connected()
    const left = await member(broker, { broadcast: true }, ackAll)
    const right = await member(broker, { broadcast: true }, ackAll)
    await broker.publish([message(1)])
    expect(broker.listGroups()).toEqual([])
    await left.consumer.close()
    await broker.publish([message(2)])
    expect(left.ids()).toEqual(['1'])
    expect(right.ids()).toEqual(['1', '2'])
    await right.consumer.close()
    await broker.publish([message(3)])
    expect(broker.getMetrics().lag).toBe(0)
  })
})

function settlementsOf(delivery: Delivery): unknown[] {
  return [delivery.ack(), delivery.note('late'), delivery.retry({ ...retry, afterMs: 0 }), delivery.deadLetter([])]
}
