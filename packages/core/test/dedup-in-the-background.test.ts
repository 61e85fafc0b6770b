import {
  type Claim,
  type CompleteOptions,
  defineEvent,
  EventBus,
  ProcessIdempotencyStore,
  staticSchema,
  systemClock,
} from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { Gate, recorder, waitFor } from '@interline/testing'
import { expect, test } from 'vitest'

const Made = defineEvent('background.Made', { topic: 'background.made', schema: staticSchema<{ n: number }>(), key: () => 'one' })

/** Takes its time to remember what was handled. */
class SlowToRemember extends ProcessIdempotencyStore {
  readonly gate = new Gate()

  override async complete(claims: readonly Claim[], options: CompleteOptions): Promise<void> {
    await this.gate.opened
    super.complete(claims, options)
  }
}

test('neither key nor slot waits until an event is remembered as handled, but its acknowledgement does', async () => {
  const idempotency = new SlowToRemember({ clock: systemClock })
  await using bus = new EventBus({ broker: new MemoryBroker(), idempotency })
  const seen = recorder<ReturnType<typeof Made>>()
  await bus.subscribe(Made, seen.handle, { name: 'seen', concurrency: 1 })
  await bus.publishBatch([1, 2, 3].map((n) => Made({ n })))
  await seen.waitForCount(3)
  expect((await bus.getBroker().getMetrics()).acked).toBe(0)
  idempotency.gate.open()
  await waitFor(async () => (await bus.getBroker().getMetrics()).acked === 3, { what: 'the acknowledgements' })
  expect(seen.events.map(({ data }) => data.n)).toEqual([1, 2, 3])
})
