import { describe, expect, test } from 'vitest'
import { Gate, recorder, waitFor, within } from '../src/index.js'

describe('waiting', () => {
  test('ends as soon as the condition holds', async () => {
    let asked = 0
    await waitFor(() => ++asked === 3)
    expect(asked).toBe(3)
  })

  test('says what it waited for and how far it came', async () => {
    await expect(waitFor(() => false, { limitMs: 20, what: 'Godot', progress: () => 'nobody' })).rejects.toThrow(
      'Waited 20 ms for Godot, and nothing moved. It stood at nobody.',
    )
  })

  test('has its limit for each gap, not for the whole', async () => {
    let progress = 0
    const began = performance.now()
    await waitFor(() => performance.now() - began > 150, { limitMs: 50, progress: () => (progress += 1) })
    expect(progress).toBeGreaterThan(5)
  })

  test('passes on what the condition throws, and stops when it is aborted', async () => {
    await expect(
      waitFor(() => {
        throw new Error('asked in vain')
      }),
    ).rejects.toThrow('asked in vain')
    await expect(waitFor(() => false, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  })

  test('within gives what the promise gives, or says what did not settle', async () => {
    expect(await within(Promise.resolve(1), 50, 'one')).toBe(1)
    await expect(within(new Promise(() => undefined), 20, 'close')).rejects.toThrow('close did not settle within 20 ms')
  })
})

test('a recorder tells runs from what was handled, and how many ran at once', async () => {
  const gate = new Gate()
  const seen = recorder<{ readonly n: number }>(async ({ n }) => {
    await gate.opened
    if (n === 2) throw new Error('fails')
  })
  const context = { attempt: 1 } as Parameters<typeof seen.handle>[1]
  const runs = [1, 2, 3].map((n) => seen.handle({ n }, context))
  await seen.waitForRuns(3)
  expect(seen.running).toBe(3)
  gate.open()
  await Promise.allSettled(runs)
  await seen.waitForCount(2)
  expect(seen.events.map(({ n }) => n)).toEqual([1, 3])
  expect(seen.mostAtOnce).toBe(3)
  expect(seen.running).toBe(0)
  await expect(seen.waitForCount(3, { limitMs: 20 })).rejects.toThrow('3 handled events')
})
