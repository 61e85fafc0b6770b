import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { defineEvent, EventBus, Reject, staticSchema } from '@interline/core'
import { InMemoryBroker, MemoryBroker, MemoryDeadLetterStore } from '@interline/memory'
import { expect, it } from 'vitest'

const Ticked = defineEvent('Ticked', { topic: 'ticks.made', schema: staticSchema<{ n: number }>() })

it('has the name that the seeds know it by', () => {
  expect(InMemoryBroker).toBe(MemoryBroker)
})

it('has handled an event before publish resolves, where the handler is synchronous', async () => {
  await using bus = new EventBus({ broker: new MemoryBroker() })
  const seen: number[] = []
  await bus.subscribe(Ticked, ({ data }) => void seen.push(data.n), { name: 'counter' })
  await bus.start()
  const published = bus.publish(Ticked({ n: 1 }))
  expect(seen).toEqual([1])
  await published
})

it('goes on for the other buses when one of them closes', async () => {
  const broker = new MemoryBroker()
  const first = new EventBus({ broker, service: 'shop' })
  await using second = new EventBus({ broker, service: 'shop' })
  const seen: number[] = []
  for (const bus of [first, second]) {
    await bus.subscribe(Ticked, ({ data }) => void seen.push(data.n), { name: 'counter' })
    await bus.start()
  }
  await first.close()
  for (let n = 0; n < 10; n++) await second.publish(Ticked({ n }))
  await second.idle()
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

it('keeps the dead letters of one run of a process apart from those of the next, in a store that outlives both', async () => {
  const deadLetters = new MemoryDeadLetterStore()
  for (let run = 0; run < 2; run++) {
    await using bus = new EventBus({ broker: new MemoryBroker(), deadLetters })
    const reject = (): never => {
      throw new Reject('no')
    }
    await bus.subscribe(Ticked, reject, { name: 'counter' })
    await bus.publish(Ticked({ n: run }))
    await bus.idle()
  }
  expect(deadLetters.count()).toBe(2)
})

it('keeps its memory bounded, however much went through', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  await using bus = new EventBus({ broker: new MemoryBroker(), dedup: false })
  await bus.subscribe(Ticked, () => undefined, { name: 'counter' })
  await bus.start()
  const heapAfter = async (count: number): Promise<number> => {
    for (let n = 0; n < count; n++) await bus.publish(Ticked({ n }))
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  const before = await heapAfter(5_000)
  expect((await heapAfter(50_000)) - before).toBeLessThan(2 * 1024 * 1024)
})
