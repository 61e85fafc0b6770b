import { describe, expect, test } from 'vitest'
import { ConfigurationError } from '../errors.js'
import { judge } from './judge.js'
import { RetryPolicy } from './retry-policy.js'
import { Reject, RetryLater } from './verdict.js'

const policy = new RetryPolicy({ maxAttempts: 3, backoff: { type: 'fixed', delayMs: 70, jitter: 0 } })

describe('a handler that asks to be run later', () => {
  test('is run when it says, and at once where that time has passed', () => {
    expect(judge(new RetryLater({ afterMs: 5 }), 1, policy, true)).toEqual({ kind: 'retry', afterMs: 5 })
    expect(judge(new RetryLater({ afterMs: -5 }), 1, policy, true)).toEqual({ kind: 'retry', afterMs: 0 })
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 1e300])('in %s ms is told that this is no time', (afterMs) => {
    expect(() => new RetryLater({ afterMs })).toThrow(ConfigurationError)
  })

  test('in a time that another copy of the package let pass is run by its policy', () => {
    const error = Object.assign(new RetryLater({ afterMs: 5 }), { afterMs: Number.NaN })
    expect(judge(error, 1, policy, true)).toEqual({ kind: 'retry', afterMs: 70 })
  })
})

test('what is rejected or has had its attempts is dead', () => {
  expect(judge(new Reject('no'), 1, policy, true)).toEqual({ kind: 'dead', reason: 'rejected' })
  expect(judge(new Error('no'), 3, policy, true)).toEqual({ kind: 'dead', reason: 'exhausted' })
})
