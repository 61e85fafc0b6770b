import { expect, it } from 'vitest'
import { ackAll, connected, idOf, member, message, turn } from '../../test/members.js'

it('delivers what a handler publishes after that handler has returned', async () => {
  const { broker } = connected()
  const steps: string[] = []
  await member(broker, {}, ([delivery]) => {
    const id = idOf(delivery!)
    steps.push(`begin ${id}`)
    if (id === '1') void broker.publish([message(2)])
    steps.push(`end ${id}`)
    delivery!.ack()
  })
  await broker.publish([message(1)])
  expect(steps).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2'])
})

it('lets the event loop have its turn while a chain feeds itself without end', async () => {
  const { broker } = connected()
  let handled = 0
  let goOn = true
  await member(broker, {}, ([delivery]) => {
    handled++
    delivery!.ack()
    if (goOn) void broker.publish([message(handled)])
  })
  await broker.publish([message(0)])
  expect(handled).toBe(1_024)
  await turn()
  await turn()
  expect(handled).toBeGreaterThan(1_024)
  goOn = false
  await turn()
  await turn()
  expect(broker.getMetrics().lag).toBe(0)
})

it('lets the event loop have its turn while a long backlog is settled in microtasks', async () => {
  const { broker } = connected()
  const { arrived } = await member(broker, { window: 1 }, ([delivery]) => queueMicrotask(() => delivery!.ack()))
  await broker.publish(Array.from({ length: 10_000 }, (_, n) => message(n)))
  await turn()
  expect(arrived.length).toBeLessThan(5_000)
  while (broker.getMetrics().lag > 0) await turn()
  expect(arrived).toHaveLength(10_000)
})

it('never has more in hand than the window, and goes on as deliveries are settled', async () => {
  const { broker } = connected()
  const { arrived } = await member(broker, { window: 4 })
  await broker.publish(Array.from({ length: 20 }, (_, n) => message(n)))
  let settled = 0
  while (settled < 20) {
    expect(arrived.length - settled).toBeLessThanOrEqual(4)
    expect(broker.getMetrics().unsettled).toBe(arrived.length - settled)
    arrived[settled++]!.ack()
    await turn()
  }
  expect(arrived.map(idOf)).toEqual(Array.from({ length: 20 }, (_, n) => String(n)))
})

it('waits for the promise of receive before it hands over more', async () => {
  const { broker } = connected()
  let roomForMore = (): void => undefined
  const { ids } = await member(broker, {}, () => new Promise((resolve) => (roomForMore = resolve)))
  await broker.publish([message(1)])
  await broker.publish([message(2)])
  await turn()
  expect(ids()).toEqual(['1'])
  roomForMore()
  await turn()
  expect(ids()).toEqual(['1', '2'])
})

it('reports a receive that fails, and goes on', async () => {
  const { broker, reports } = connected()
  const failures = [() => Promise.reject(new Error('no room')), () => fail('broken')]
  const { arrived } = await member(broker, {}, (deliveries) => failures.shift()?.() ?? ackAll(deliveries))
  for (const n of [1, 2, 3]) {
    await broker.publish([message(n)])
    await turn()
  }
  expect(arrived).toHaveLength(3)
  expect(reports.map((event) => ('error' in event ? event.error?.message : event.kind))).toEqual(['no room', 'broken'])
  expect(broker.getMetrics()).toMatchObject({ acked: 1, unsettled: 2 })
})

function fail(why: string): never {
  throw new Error(why)
}
