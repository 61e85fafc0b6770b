import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { abortable } from './failure.js'

test('what is aborted before it is asked for rejects with the reason, and its own failure is not left to nobody', async () => {
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  const reason = new Error('too late')
  let fail: (error: Error) => void = () => undefined
  const asked = new Promise<never>((_, reject) => (fail = reject))
  await expect(abortable(asked, AbortSignal.abort(reason))).rejects.toBe(reason)
  fail(new Error('the connection is gone'))
  await setImmediate()
  await setImmediate()
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})
