import { expect, test } from 'vitest'
import { LatencyHistogram } from './latency-histogram.js'

test('percentiles are within 2.5 % of what was measured', () => {
  const histogram = new LatencyHistogram()
  for (let durationMs = 1; durationMs <= 1_000; durationMs++) histogram.add(LatencyHistogram.bucketOf(durationMs))
  expect(Math.abs(histogram.percentile(0.5) / 500 - 1)).toBeLessThan(0.026)
  expect(Math.abs(histogram.percentile(0.99) / 990 - 1)).toBeLessThan(0.026)
})

test('histograms of several processes add up', () => {
  const one = new LatencyHistogram()
  const other = new LatencyHistogram()
  one.add(LatencyHistogram.bucketOf(1))
  other.add(LatencyHistogram.bucketOf(100), 3)
  one.addAll(other)
  expect(one.count).toBe(4)
  expect(Math.round(one.percentile(0.75) / 10)).toBe(10)
})

test('without a measurement there is no latency', () => {
  expect(new LatencyHistogram().percentile(0.99)).toBe(0)
})
