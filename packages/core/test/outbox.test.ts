import {
  type ComponentHealth,
  defineEvent,
  EventBus,
  type EventEncoding,
  type IInbox,
  type IOutbox,
  type OutboxOutlet,
  staticSchema,
  type WireMessage,
} from '@interline/core'
import { MemoryBroker, MemoryEventStore } from '@interline/memory'
import { recorder } from '@interline/testing'
import { expect, test, vi } from 'vitest'

const Ordered = defineEvent('test.core.Ordered', { topic: 'ordered.now', schema: staticSchema<{ n: number }>() })

/** The least that is an outbox: what waits is in an array, and goes when it is told to. */
class ArrayOutbox implements IOutbox {
  readonly name = 'array'
  readonly waiting: WireMessage[] = []
  readonly calls: string[] = []
  refuses = false
  encoding: EventEncoding | undefined
  #outlet: OutboxOutlet | undefined

  encodeAs(encoding: EventEncoding): void {
    this.encoding = encoding
  }

  start(outlet: OutboxOutlet): void {
    this.calls.push('start')
    this.#outlet = outlet
  }

  accept(messages: readonly WireMessage[]): void {
    if (this.refuses) throw new Error('The disk is full.')
    this.waiting.push(...messages)
  }

  async passed(): Promise<void> {
    await this.#outlet?.publish(this.waiting.splice(0))
  }

  pending(): boolean {
    return this.waiting.length > 0
  }

  health(): ComponentHealth {
    return { status: this.waiting.length > 0 ? 'warn' : 'pass' }
  }

  stop(): void {
    this.calls.push('stop')
  }
}

/** Between the look at the broker and the one at the outbox, what was waiting has gone from one to the other. */
class HandsOnBetweenLooks extends ArrayOutbox {
  #looks = 0

  override pending(): boolean {
    if (++this.#looks === 2) void this.passed()
    return this.#looks > 2 && super.pending()
  }
}

test('a bus is not idle while what its outbox has just handed on is not handled', async () => {
  const outbox = new HandsOnBetweenLooks()
  const handled: number[] = []
  await using bus = new EventBus({ broker: new MemoryBroker(), outbox })
  const work = async ({ data }: ReturnType<typeof Ordered>): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    handled.push(data.n)
  }
  await bus.subscribe(Ordered, work, { name: 'orders' })
  await bus.publish(Ordered({ n: 1 }))
  await bus.idle()
  expect(handled).toEqual([1])
})

test('publish resolves when the outbox has the event, and it is handled when the outbox hands it on', async () => {
  const outbox = new ArrayOutbox()
  const orders = recorder<ReturnType<typeof Ordered>>()
  const bus = new EventBus({ broker: new MemoryBroker(), outbox, service: 'shop' })
  await bus.subscribe(Ordered, orders.handle, { name: 'orders' })
  await bus.publishBatch([Ordered({ n: 1 }), Ordered({ n: 2 })])
  expect(outbox.waiting.map(({ attributes, destination }) => [attributes.source, destination])).toEqual([
    ['shop', 'ordered'],
    ['shop', 'ordered'],
  ])
  expect(orders.runs).toEqual([])
  expect(await bus.health()).toMatchObject({ status: 'warn', checks: { 'array:outbox': [{ status: 'warn' }] } })
  await outbox.passed()
  await bus.idle()
  expect(orders.events.map(({ data }) => data.n)).toEqual([1, 2])
  await bus.close()
  expect(outbox.calls).toEqual(['start', 'stop'])
})

test('what the outbox does not take rejects, and nobody handles it', async () => {
  const outbox = new ArrayOutbox()
  await using bus = new EventBus({ broker: new MemoryBroker(), outbox })
  await bus.start()
  outbox.refuses = true
  await expect(bus.publish(Ordered({ n: 1 }))).rejects.toMatchObject({
    code: 'INTERLINE_PUBLISH',
    message: 'The array outbox did not take the event: The disk is full.',
  })
})

test('a handler with an inbox runs in its transaction, under a memory of its own, and a duplicate does not run', async () => {
  const known = new Set<string>()
  const inbox: IInbox<{ readonly number: number }> = {
    async handleOnce({ consumer, keys }, work) {
      const names = keys.map((key) => `${consumer}|${key}`)
      if (names.some((name) => known.has(name))) return 'duplicate'
      await work({ number: known.size })
      for (const name of names) known.add(name)
      return 'handled'
    },
  }
  await using bus = new EventBus({ broker: new MemoryBroker(), dedup: false, service: 'shop' })
  const seen: (readonly [number, number])[] = []
  await bus.subscribe(Ordered, ({ data }, { tx }) => void seen.push([data.n, tx.number]), { name: 'mails', inbox })
  const other = recorder<ReturnType<typeof Ordered>>()
  await bus.subscribe(Ordered, other.handle, { name: 'others' })
  await bus.start()
  const [first, second] = [Ordered({ n: 1 }), Ordered({ n: 2 }, { idempotencyKey: 'k', eventId: 'e-2', source: 'web' })]
  for (const event of [first, second, first, second, Ordered({ n: 3 }, { idempotencyKey: 'k' })]) {
    await bus.publish(event)
    await bus.idle()
  }
  expect(seen).toEqual([
    [1, 0],
    [2, 1],
  ])
  expect(other.runs.length).toBe(5)
  expect(other.runs[0]?.context.tx).toBeUndefined()
  expect([...known]).toContain('shop\nmails|web\ne-2')
  expect([...known]).toContain('shop\nmails|test.core.Ordered\n#k')
})

test('a bus whose outbox could not be opened at first forwards from its store once', async () => {
  const outbox = new ArrayOutbox()
  const opened = vi.spyOn(outbox, 'start').mockImplementationOnce(() => {
    throw new Error('No such table.')
  })
  const store = new MemoryEventStore()
  const listening = vi.spyOn(store, 'onAppended')
  await using bus = new EventBus({ broker: new MemoryBroker(), outbox, store })
  await expect(bus.start()).rejects.toThrow('No such table.')
  await bus.start()
  expect(opened).toHaveBeenCalledTimes(2)
  expect(listening).toHaveBeenCalledTimes(1)
})
