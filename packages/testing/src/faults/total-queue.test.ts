import { describe, expect, test } from 'vitest'
import { type HandledRun, TotalQueue } from './total-queue.js'

const event = (n: number, key = 'a') => ({ id: `${key}-${n}`, key, n })
const run = (n: number, beganMs: number, endedMs: number, by = 'one'): HandledRun => ({ ...event(n), beganMs, endedMs, by })

/** With so many accepted events of one key. */
function queueOf(accepted: number): TotalQueue {
  const queue = new TotalQueue()
  for (let n = 0; n < accepted; n++) {
    queue.publishing(event(n))
    queue.answered(event(n), 'accepted')
  }
  return queue
}

describe('the four counters', () => {
  test('count what was accepted and never handled or buried as lost', () => {
    const queue = queueOf(3)
    queue.handled(run(0, 0, 1))
    queue.buried(event(1).id)
    expect(queue.counters()).toEqual({ lost: 1, recovered: 0, unexpected: 0, duplicated: 0 })
  })

  test('tell what was perhaps stored from what was said not to be', () => {
    const queue = queueOf(0)
    for (const [n, answer] of (['unknown', 'failed'] as const).entries()) {
      queue.publishing(event(n))
      queue.answered(event(n), answer)
      queue.handled(run(n, n, n + 1))
    }
    queue.handled(run(7, 8, 9))
    expect(queue.counters()).toEqual({ lost: 0, recovered: 1, unexpected: 2, duplicated: 0 })
  })

  test('count every run too many, and take a run before the answer for what it is', () => {
    const queue = queueOf(0)
    queue.publishing(event(0))
    queue.handled(run(0, 0, 1))
    queue.handled(run(0, 2, 3))
    queue.answered(event(0), 'accepted')
    expect(queue.counters()).toEqual({ lost: 0, recovered: 0, unexpected: 0, duplicated: 1 })
  })
})

describe('order', () => {
  test('is broken by the first run of an earlier event after a later one, and not by a second run', () => {
    const queue = queueOf(3)
    for (const [index, n] of [0, 2, 0, 1].entries()) queue.handled(run(n, index * 10, index * 10 + 1))
    expect(queue.disorder()).toEqual(['a: 1 after 2'])
  })

  test('says nothing of events whose publish has no certain answer', () => {
    const queue = queueOf(0)
    queue.publishing(event(0))
    queue.publishing(event(1))
    queue.answered(event(0), 'unknown')
    queue.answered(event(1), 'accepted')
    queue.handled(run(1, 0, 1))
    queue.handled(run(0, 2, 3))
    expect(queue.disorder()).toEqual([])
  })

  test('is broken by two runs of a key at a time, but for one whose event was taken away', () => {
    const queue = queueOf(3)
    queue.handled(run(0, 0, 10, 'frozen'))
    queue.handled(run(1, 5, 20, 'heir'))
    queue.handled(run(2, 12, 30, 'heir'))
    expect(queue.overlaps()).toEqual(['a: 1 began 5 ms before the end of 0', 'a: 2 began 8 ms before the end of 1'])
    queue.lost('frozen', 'a-0')
    expect(queue.overlaps()).toEqual(['a: 2 began 8 ms before the end of 1'])
  })
})
