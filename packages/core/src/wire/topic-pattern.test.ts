import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '../errors.js'
import { matchesTopic, topicPattern, topicProblem } from './topic-pattern.js'

describe('topic patterns', () => {
  it.each([
    ['orders.created', 'orders.created', true],
    ['orders.created', 'orders.created.now', false],
    ['orders.*', 'orders.created', true],
    ['orders.*', 'orders', false],
    ['orders.*', 'orders.created.now', false],
    ['*.created', 'orders.created', true],
    ['orders.*.eu', 'orders.created.eu', true],
    ['orders.>', 'orders.created', true],
    ['orders.>', 'orders.created.now', true],
    ['orders.>', 'orders', false],
    ['>', 'anything.at.all', true],
    ['*', 'one', true],
    ['*', 'one.two', false],
    ['a+b.*', 'a+b.c', true],
    ['a+b.*', 'aab.c', false],
    ['orders.created', 'ordersXcreated', false],
    ['orders.*', 'orders.', false],
    ['orders.>', 'orders.a..b', false],
  ])('%s with %s: %s', (pattern, topic, matches) => {
    expect(matchesTopic(pattern, topic)).toBe(matches)
  })

  it('are made once and know whether they match one topic only', () => {
    expect(topicPattern('orders.*')).toBe(topicPattern('orders.*'))
    expect([topicPattern('orders.*').exact, topicPattern('orders.created').exact]).toEqual([false, true])
  })

  it.each(['', '.', 'orders.', '.orders', 'orders..created', 'orders.>.late', 'orders.a*', 'orders. created', 'orders.\u0000'])(
    'refuse %j',
    (pattern) => {
      expect(() => topicPattern(pattern)).toThrow(ConfigurationError)
    },
  )

  it('need no more than a moment for a hostile topic', () => {
    const started = performance.now()
    expect(matchesTopic('a.*.*.*.>', `a${'.b'.repeat(100_000)}.`)).toBe(false)
    expect(performance.now() - started).toBeLessThan(500)
  })

  it('say what is wrong with a topic', () => {
    expect(topicProblem('orders.created')).toBeUndefined()
    expect(topicProblem('orders.*')).toContain('wildcard')
  })
})
