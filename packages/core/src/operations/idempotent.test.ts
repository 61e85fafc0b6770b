import { VirtualClock } from '@interline/testing'
import { expect, test } from 'vitest'
import type { IOperationStore } from '../ports/operation-store.js'
import { idempotentOperations } from './idempotent.js'

test('a run whose lease is not renewed in time is told, also where the renewal is not answered', async () => {
  const clock = new VirtualClock()
  const store: IOperationStore = {
    begin: () => ({ kind: 'begun' }),
    renew: () => new Promise(() => undefined),
    complete: () => true,
    release: () => undefined,
  }
  let signal: AbortSignal | undefined
  let end = (): void => undefined
  const running = idempotentOperations(store, { leaseMs: 900, clock })({ operation: 'o', key: 'k' }, (context) => {
    signal = context.signal
    return new Promise<void>((resolve) => {
      end = resolve
    })
  })
  await clock.advance(899)
  expect(signal?.aborted).toBe(false)
  await clock.advance(1)
  expect(signal?.aborted).toBe(true)
  end()
  await running
  expect(clock.pending).toBe(0)
})
