import type { Delivery } from '@interline/core'
import { KafkaBroker } from '@interline/kafka'
import { waitFor } from '@interline/testing'
import { expect, test } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'

test('programs with one driver and with the other share a group: every event once, in the order of its key, while they come and go', async () => {
  await using room = new BrokerRoom()
  const drivers = ['kafkajs', 'platformatic'] as const
  const options = { partitions: 4 } as const
  const [first, second] = await Promise.all(drivers.map((driver) => room.broker({ ...options, driver })))
  if (first === undefined || second === undefined) return
  const runs: { readonly key: string; readonly n: number; readonly by: string; readonly redelivered: boolean }[] = []
  const receiver = (by: string) => async (delivery: Delivery) => {
    const mine = { key: delivery.message.key ?? '', n: numberOf(delivery), by, redelivered: delivery.redelivered }
    // core lets go of what it has not begun
    if (delivery.leaving?.aborted === true) return delivery.release?.()
    if (await delivery.ack()) runs.push(mine)
  }
  await room.consume(first, {}, receiver('kafkajs'))
  const keys = Array.from({ length: 8 }, (_, index) => `key-${index}`)
  let n = 0
  // each publishes half of a key's events, the next when the last is stored
  const publish = async (): Promise<void> => {
    await (n % 2 === 0 ? first : second).publish(keys.map((key) => message(n, { key })))
    n += 1
  }
  const by = (name: string): number => runs.filter((run) => run.by === name).length
  for (let cycle = 0; cycle < 2; cycle++) {
    const before = by('platformatic')
    const member = await room.consume(second, {}, receiver('platformatic'))
    await waitFor(() => publish().then(() => by('platformatic') > before + 10), {
      what: 'the other driver to have a part',
      limitMs: 10_000,
    })
    await member.stop()
    await member.close()
  }
  const count = (): number => runs.length
  await waitFor(() => count() >= n * keys.length, { what: 'all events', limitMs: 15_000, progress: count })
  expect(by('kafkajs')).toBeGreaterThan(0)
  expect(runs.length).toBe(n * keys.length)
  expect(runs.filter(({ redelivered }) => redelivered)).toEqual([])
  const inOrder = Array.from({ length: n }, (_, index) => index)
  for (const key of keys) expect(runs.filter((run) => run.key === key).map((run) => run.n)).toEqual(inOrder)
}, 60_000)

test('a driver that is not known is refused when the broker is made', () => {
  expect(() => new KafkaBroker({ driver: 'rdkafka' as never })).toThrow(
    "kafka.driver must be 'kafkajs' or 'platformatic', and is a string.",
  )
})
