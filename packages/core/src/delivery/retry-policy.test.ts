import { expect, test } from 'vitest'
import { ConfigurationError } from '../errors.js'
import { RetryPolicy } from './retry-policy.js'

const noJitter = { jitter: 0 } as const

test('exponential backoff doubles from the first delay up to the limit', () => {
  const policy = new RetryPolicy({ backoff: { delayMs: 100, maxDelayMs: 500, ...noJitter } })
  expect([1, 2, 3, 4, 5, 1_000].map((attempt) => policy.delayAfter(attempt))).toEqual([100, 200, 400, 500, 500, 500])
})

test('fixed backoff stays, also where it is longer than the default limit', () => {
  const policy = new RetryPolicy({ backoff: { type: 'fixed', delayMs: 120_000, ...noJitter } })
  expect([1, 2, 9].map((attempt) => policy.delayAfter(attempt))).toEqual([120_000, 120_000, 120_000])
})

test('jitter only ever adds, so that a retry is never early', () => {
  const policy = new RetryPolicy({ backoff: { type: 'fixed', delayMs: 100, jitter: 0.5 } })
  const delays = Array.from({ length: 1_000 }, () => policy.delayAfter(1))
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(100)
  expect(Math.max(...delays)).toBeLessThanOrEqual(150)
  expect(new Set(delays).size).toBeGreaterThan(100)
})

test('the first layer that says something wins, field by field', () => {
  const policy = new RetryPolicy(
    { maxAttempts: 2 },
    { maxAttempts: 9, backoff: { type: 'fixed', ...noJitter } },
    { backoff: { delayMs: 7 } },
  )
  expect(policy.maxAttempts).toBe(2)
  expect(policy.delayAfter(5)).toBe(7)
})

test.each([
  [{ maxAttempts: 0 }, 'retry.maxAttempts'],
  [{ maxAttempts: 1.5 }, 'retry.maxAttempts'],
  [{ backoff: { delayMs: -1 } }, 'retry.backoff.delayMs'],
  [{ backoff: { delayMs: Number.NaN } }, 'retry.backoff.delayMs'],
  [{ backoff: { jitter: 2 } }, 'retry.backoff.jitter'],
  [{ backoff: { type: 'linear' as 'fixed' } }, 'retry.backoff.type'],
])('%j is refused, and named', (options, path) => {
  expect(() => new RetryPolicy(options)).toThrow(ConfigurationError)
  expect(() => new RetryPolicy(options)).toThrow(path)
})
