import type { Consumer, Delivery } from '@interline/core'
import { describe, expect, it } from 'vitest'
import { connected, idOf, member, message, turn } from '../../test/members.js'

const again = { progress: '', deadLetters: [] }
const keyed = { order: 'key' } as const

describe('order by key in a memory broker', () => {
  it('keeps a key with the consumer that has some of it in hand', async () => {
    const { broker } = connected()
    const left = await member(broker, keyed)
    await broker.publish([message('a1', { key: 'a' })])
    const right = await member(broker, keyed)
    await broker.publish(['a2', 'b1', 'a3', 'b2'].map((id) => message(id, { key: id.charAt(0) })))
    await turn()
    expect(left.ids().filter((id) => id.startsWith('a'))).toEqual(['a1', 'a2', 'a3'])
    expect([...left.ids(), ...right.ids()].sort()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2'])
  })

  it('lets the key go to another once nothing of it is in hand', async () => {
    const { broker } = connected()
    const left = await member(broker, { ...keyed, window: 1 })
    const right = await member(broker, keyed)
    await broker.publish([message('a1', { key: 'a' })])
    const holder = left.arrived.length > 0 ? left : right
    const other = holder === left ? right : left
    holder.consumer.pause()
    await broker.publish([message('a2', { key: 'a' })])
    await turn()
    expect(other.ids()).toEqual([])
    holder.arrived[0]!.ack()
    await turn()
    expect(other.ids()).toEqual(['a2'])
  })

  it('holds a key while its first waits for another try, and lets other keys pass', async () => {
    const { broker, clock } = connected()
    const { arrived, ids } = await member(broker, { ...keyed, window: 1 })
    await broker.publish(['a1', 'a2', 'b1'].map((id) => message(id, { key: id.charAt(0) })))
    arrived[0]!.retry({ ...again, afterMs: 100 })
    await turn()
    expect(ids()).toEqual(['a1', 'b1'])
    arrived[1]!.ack()
    await turn()
    expect(ids()).toEqual(['a1', 'b1'])
    await clock.advance(100)
    expect(ids()).toEqual(['a1', 'b1', 'a1'])
    arrived[2]!.ack()
    await turn()
    expect(ids()).toEqual(['a1', 'b1', 'a1', 'a2'])
  })

  it('gives the keys of a closed consumer to the others, in order', async () => {
    const { broker } = connected()
    const first = await member(broker, keyed)
    await broker.publish(['a1', 'a2', 'b1', 'a3'].map((id) => message(id, { key: id.charAt(0) })))
    first.arrived[0]!.ack()
    const second = await member(broker, keyed)
    await broker.publish([message('a4', { key: 'a' })])
    await first.consumer.close()
    await turn()
    expect(second.ids().filter((id) => id.startsWith('a'))).toEqual(['a2', 'a3', 'a4'])
    expect(second.ids()).toContain('b1')
  })

  it('keeps order and loses nothing whatever happens, over many random runs', async () => {
    for (let seed = 1; seed <= 60; seed++) await randomRun(seed)
  })
})

/** Consumers come and go, deliveries are acked, retried and held, always the oldest in hand of a key first, as core does it. */
async function randomRun(seed: number): Promise<void> {
  const random = generator(seed)
  const pick = (count: number): number => Math.floor(random() * count)
  const { broker, clock } = connected()
  const handled = new Map<string, string[]>()
  const published = new Map<string, string[]>()
  const members: { consumer: Consumer; inHand: Delivery[] }[] = []
  const join = async (): Promise<void> => {
    const inHand: Delivery[] = []
    const { consumer } = await member(broker, { ...keyed, window: 1 + pick(8) }, (deliveries) => void inHand.push(...deliveries))
    members.push({ consumer, inHand })
  }
  const leave = async (): Promise<void> => {
    const [gone] = members.splice(pick(members.length), 1)
    await gone?.consumer.close()
  }
  const settle = (chance: number): void => {
    const { inHand } = members[pick(members.length)]!
    const delivery = inHand[pick(inHand.length)]
    if (delivery === undefined) return
    const key = delivery.message.key ?? ''
    const oldest = inHand.find(({ message: { key: other } }) => other === delivery.message.key)!
    inHand.splice(inHand.indexOf(oldest), 1)
    if (random() < chance) {
      expect(oldest.ack(), `seed ${seed}`).toBe(true)
      handled.set(key, [...(handled.get(key) ?? []), idOf(oldest)])
      return
    }
    // as core would: what is in hand behind it goes back with it
    const behind = inHand.filter(({ message: { key: other } }) => other === key)
    oldest.retry({ ...again, afterMs: pick(3) * 10 })
    for (const each of behind) {
      inHand.splice(inHand.indexOf(each), 1)
      each.retry({ ...again, afterMs: 0 })
    }
  }
  await join()
  for (let step = 0; step < 400; step++) {
    const dice = random()
    if (dice < 0.3) {
      const key = `k${pick(5)}`
      const id = `${key}-${step}`
      published.set(key, [...(published.get(key) ?? []), id])
      await broker.publish([message(id, { key })])
    } else if (dice < 0.33) await join()
    else if (dice < 0.36 && members.length > 1) await leave()
    else if (dice < 0.42) await clock.advance(10)
    else settle(0.7)
    if (dice > 0.9) await turn()
    const holders = members.flatMap(({ inHand }, index) =>
      [...new Set(inHand.map(({ message: { key } }) => key))].map((key) => `${key} ${index}`),
    )
    expect(new Set(holders.map((holder) => holder.split(' ')[0])).size, `seed ${seed}: one holder for each key`).toBe(holders.length)
  }
  for (let step = 0; broker.getMetrics().lag > 0 && step < 20_000; step++) {
    settle(1)
    if (step % 20 === 0) await clock.advance(10)
  }
  expect(Object.fromEntries(handled), `seed ${seed}`).toEqual(Object.fromEntries(published))
}

function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
