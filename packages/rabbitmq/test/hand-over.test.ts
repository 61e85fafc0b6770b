import { type Delivery, defineEvent, EventBus, type IBroker, staticSchema } from '@interline/core'
import { Gate, waitFor } from '@interline/testing'
import { expect, it } from 'vitest'
import { partitionOf } from '../src/rabbitmq-message.js'
import { BrokerRoom, message, numberOf } from './broker-room.js'

const partitions = 2
const Counted = defineEvent('interline.test.HandOverCounted', {
  topic: 'counted.made',
  schema: staticSchema<{ key: string; n: number }>(),
  key: ({ key }) => key,
})

/** Keys of one partition. */
function keysOf(partition: number, count: number): readonly string[] {
  const keys: string[] = []
  for (let n = 0; keys.length < count; n++) if (partitionOf(`key-${n}`, partitions) === partition) keys.push(`key-${n}`)
  return keys
}

/** Whether a consumer was asked to give a partition away, of what it was handed. */
function watch(broker: IBroker): { readonly isAsked: boolean } {
  const leaving = new Set<AbortSignal | undefined>()
  const subscribe = broker.subscribe.bind(broker)
  broker.subscribe = (source, receive, options) => {
    const watching = (deliveries: Parameters<typeof receive>[0]): ReturnType<typeof receive> => {
      for (const delivery of deliveries) leaving.add(delivery.leaving)
      return receive(deliveries)
    }
    return subscribe(source, watching, options)
  }
  return {
    get isAsked() {
      return [...leaving].some((signal) => signal?.aborted === true)
    },
  }
}

it('gives up a hand-over that a handler holds up: other keys go on, and it is handed over when the handler has ended', async () => {
  await using room = new BrokerRoom()
  const [slow, quick] = [0, 1].map((at) => [0, 1].map((partition) => keysOf(partition, 2)[at] as string)) as [string[], string[]]
  const gate = new Gate()
  const sequences = new Map([...slow, ...quick].map((key): [string, number[]] => [key, []]))
  const handledBy = new Map<string, string>()
  const begun = new Set<string>()
  const busOf = async (who: string, broker: IBroker): Promise<EventBus> => {
    const bus = new EventBus({ service: 'hand-over', broker })
    const handler = async ({ data: { key, n } }: { data: { key: string; n: number } }): Promise<void> => {
      if (slow.includes(key) && !begun.has(key)) {
        begun.add(key)
        await gate.opened
        // given back to be tried again, it still comes before what follows it
        throw new Error('It took too long.')
      }
      sequences.get(key)?.push(n)
      handledBy.set(key, who)
    }
    await bus.subscribe(Counted, handler, { name: 'count', concurrency: 8 })
    await bus.start()
    return bus
  }
  const broker = await room.broker({ partitions })
  const watched = watch(broker)
  await using first = await busOf('first', broker)
  await first.publishBatch(slow.map((key) => Counted({ key, n: 0 })))
  await waitFor(() => slow.every((key) => begun.has(key)), { what: 'a handler to run in each partition' })
  await using _second = await busOf('second', await room.broker({ partitions }))
  await waitFor(() => watched.isAsked, { what: 'the first consumer to be asked for a partition' })
  // neither partition can be given away now, and what is published to them is handled here all the same
  for (let n = 0; n < 3; n++)
    await first.publishBatch([...quick, ...slow].map((key) => Counted({ key, n: slow.includes(key) ? n + 1 : n })))
  await waitFor(() => quick.every((key) => sequences.get(key)?.length === 3), { what: 'the other keys to go on' })
  expect(quick.map((key) => handledBy.get(key))).toEqual(['first', 'first'])
  expect(slow.map((key) => sequences.get(key))).toEqual([[], []])
  gate.open()
  let n = 4
  await waitFor(
    async () => {
      await first.publishBatch([...slow, ...quick].map((key) => Counted({ key, n: slow.includes(key) ? n : n - 1 })))
      n += 1
      return [...handledBy.values()].includes('second')
    },
    { what: 'the second consumer to have its share', progress: () => n },
  )
  const expected = (key: string): readonly number[] => Array.from({ length: slow.includes(key) ? n : n - 1 }, (_, each) => each)
  await waitFor(() => [...sequences].every(([key, sequence]) => sequence.length >= expected(key).length), { what: 'all of it' })
  for (const [key, sequence] of sequences) expect(sequence, key).toEqual(expected(key))
})

it('holds back what follows one that still runs from before a hand-over that was given up, until that is let go', async () => {
  await using room = new BrokerRoom()
  const [slow, quick] = keysOf(0, 2) as [string, string]
  const [busier] = keysOf(1, 1) as [string]
  const running: Delivery[] = []
  const seen: string[] = []
  const work = (delivery: Delivery): unknown => {
    const { key } = delivery.message
    seen.push(`${key} ${numberOf(delivery)}`)
    // the first of each key but the quick one runs until the test ends it
    const runs = key !== quick && !running.some(({ message }) => message.key === key && key !== busier)
    if (runs) return running.push(delivery)
    return delivery.leaving?.aborted === true ? delivery.release?.() : delivery.ack()
  }
  const first = await room.broker({ partitions })
  await room.consume(first, {}, work)
  // the partition with less in hand is the one to be given away
  await first.publish([message(0, { key: slow }), message(0, { key: busier }), message(1, { key: busier })])
  await waitFor(() => running.length === 3, { what: 'all of them to run' })
  const head = running.find(({ message: { key } }) => key === slow)
  await room.consume(await room.broker({ partitions }), {}, work)
  await waitFor(() => head?.leaving?.aborted === true, { what: 'the partition to be asked for' })
  await first.publish([message(1, { key: slow }), message(0, { key: quick })])
  await waitFor(() => seen.includes(`${quick} 0`), { what: 'the hand-over to be given up' })
  expect(seen).not.toContain(`${slow} 1`)
  head?.release?.()
  await waitFor(() => seen.includes(`${slow} 1`), { what: 'what follows it' })
  expect(seen.filter((each) => each.startsWith(slow))).toEqual([`${slow} 0`, `${slow} 0`, `${slow} 1`])
})
