import { VirtualClock } from '@interline/testing'
import { describe, expect, it } from 'vitest'
import { ackAll, connected, member, message, turn } from '../../test/members.js'
import { MemoryBroker } from '../memory-broker.js'
import { DelayedQueue } from './delayed-queue.js'

const again = { progress: 'again', deadLetters: [] }

describe('what waits for its time', () => {
  it('comes in the order of its due times, and of adding where they are equal', async () => {
    const clock = new VirtualClock()
    const queue = new DelayedQueue(clock, () => undefined)
    const delays = Array.from({ length: 500 }, (_, index) => (index * 7_919) % 97)
    const came: { delayMs: number; index: number; at: number }[] = []
    for (const [index, delayMs] of delays.entries()) {
      queue.add({ due: () => void came.push({ delayMs, index, at: clock.monotonic() }) }, delayMs)
    }
    expect(clock.pending).toBe(1)
    await clock.advance(97)
    expect(came).toHaveLength(500)
    expect(came.every(({ delayMs, at }) => at === delayMs)).toBe(true)
    expect(came.map(({ index }) => index)).toEqual(
      [...came].sort((a, b) => a.delayMs - b.delayMs || a.index - b.index).map(({ index }) => index),
    )
    expect(clock.pending).toBe(0)
  })

  it('takes a scheduled message never early, and in its place among the others', async () => {
    const { broker, clock } = connected()
    const { ids } = await member(broker, {}, ackAll)
    await broker.publish([
      message('later', { deliverAt: clock.now() + 5_000 }),
      message('past', { deliverAt: clock.now() - 1 }),
      message('now'),
    ])
    expect(ids()).toEqual(['past', 'now'])
    expect(broker.getMetrics()).toMatchObject({ published: 3, lag: 1, delayed: 1 })
    await clock.advance(4_999)
    expect(ids()).toHaveLength(2)
    const newGroup = await member(broker, { group: 'new' }, ackAll)
    await clock.advance(1)
    expect(ids()).toEqual(['past', 'now', 'later'])
    expect(newGroup.ids()).toEqual(['later'])
    expect(broker.getMetrics()).toMatchObject({ lag: 0, delayed: 0 })
  })

  it('gives a retried delivery again after its delay, to whoever is there then', async () => {
    const { broker, clock } = connected()
    const first = await member(broker)
    await broker.publish([message(1), message(2)])
    expect(first.arrived[0]!.retry({ ...again, afterMs: 1_000 })).toBe(true)
    await first.consumer.close()
    expect(broker.getMetrics()).toMatchObject({ lag: 2, delayed: 1, unsettled: 0, retried: 1 })
    const second = await member(broker, {}, ackAll)
    await clock.advance(999)
    expect(second.ids()).toEqual(['2'])
    await clock.advance(1)
    expect(second.arrived.map(({ progress, redelivered }) => [progress, redelivered])).toEqual([
      [undefined, true],
      ['again', false],
    ])
    expect(broker.getMetrics().lag).toBe(0)
  })

  it('gives a retry without delay again at once, before what is newer', async () => {
    const { broker } = connected()
    const { arrived, ids } = await member(broker, { window: 2 })
    await broker.publish([message(1), message(2), message(3)])
    arrived[0]!.retry({ ...again, afterMs: 0 })
    await turn()
    expect(ids()).toEqual(['1', '2', '1'])
  })

  it('needs no timer while no bus is connected, and waits on where another one connects', async () => {
    const first = new VirtualClock()
    const second = new VirtualClock(0)
    const broker = new MemoryBroker()
    const report = () => undefined
    broker.connect({ clock: first, report })
    broker.connect({ clock: first, report })
    const { ids } = await member(broker, {}, ackAll)
    await broker.publish([message(1, { deliverAt: first.now() + 1_000 })])
    await first.advance(400)
    broker.close()
    expect(broker.getMetrics().state).toBe('ready')
    expect(first.pending).toBe(1)
    broker.close()
    expect(broker.getMetrics().state).toBe('closed')
    expect(first.pending).toBe(0)
    await second.advance(70_000)
    broker.connect({ clock: second, report })
    await second.advance(599)
    expect(ids()).toEqual([])
    await second.advance(1)
    expect(ids()).toEqual(['1'])
  })

  it('drops what a group waited for that was ended', async () => {
    const { broker, clock } = connected()
    const { arrived, consumer } = await member(broker)
    await broker.publish([message(1)])
    arrived[0]!.retry({ ...again, afterMs: 100 })
    await consumer.close()
    await broker.removeGroup('g', 'things')
    const { ids } = await member(broker, {}, ackAll)
    await clock.advance(1_000)
    expect(ids()).toEqual([])
  })
})
