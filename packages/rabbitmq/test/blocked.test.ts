import { startRabbitMq, waitFor } from '@interline/testing'
import { expect, it } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'

it('waits for a server that takes no messages, as long as it may; consuming goes on', { timeout: 120_000 }, async () => {
  await using server = await startRabbitMq()
  await using room = new BrokerRoom()
  const broker = await room.broker({ port: server.port, confirmTimeoutMs: 3_000 })
  const seen: number[] = []
  const held: (() => unknown)[] = []
  await room.consume(broker, {}, (delivery) => {
    seen.push(numberOf(delivery))
    held.push(() => delivery.ack())
  })
  await broker.publish([message(1)])
  await waitFor(() => seen.length === 1, { what: 'the first' })
  await server.control('set_vm_memory_high_watermark', '0.0000001')
  // the server tells of it when the next message comes
  const first = expect(broker.publish([message(2)])).rejects.toMatchObject({ code: 'INTERLINE_PUBLISH' })
  await waitFor(async () => (await broker.health()).status === 'warn', { what: 'health to warn' })
  const second = broker.publish([message(3)])
  await expect(second).rejects.toMatchObject({
    code: 'INTERLINE_PUBLISH',
    outcome: 'failed',
    message: expect.stringMatching(/low on memory|memory/),
  })
  await first
  expect(await held[0]?.()).toBe(true)
  await waitFor(async () => (await broker.getMetrics()).unsettled === 0, { what: 'the ack' })
  const waiting = broker.publish([message(4)]).then(
    () => true,
    () => false,
  )
  await server.control('set_vm_memory_high_watermark', '0.6')
  if (!(await waiting)) await broker.publish([message(4)])
  await waitFor(() => seen.includes(4), { what: 'what was published afterwards' })
  expect((await broker.health()).status).toBe('pass')
})
