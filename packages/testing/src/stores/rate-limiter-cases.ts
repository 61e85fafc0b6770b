import assert from 'node:assert/strict'
import type { IRateLimiter } from '@interline/core'
import { range } from '../contract/events.js'
import { waitFor } from '../waiting/wait-for.js'
import type { StoreCase, StoreRoom } from './store-suite.js'

type Room = StoreRoom<IRateLimiter>

const slow = { intervalMs: 10_000, burst: 1 }
const slackMs = 5_000

async function inTurn(room: Room): Promise<void> {
  const limiters = await Promise.all(range(3).map(() => room.store()))
  const waits: number[] = []
  for (const index of range(6)) waits.push(await (limiters[index % 3] ?? assert.fail()).reserve('calls', slow))
  for (const [index, waitMs] of waits.entries()) {
    assert.ok(waitMs <= index * slow.intervalMs && waitMs > index * slow.intervalMs - slackMs, `place ${index} begins in ${waitMs} ms`)
  }
  assert.equal(await (limiters[0] ?? assert.fail()).reserve('others', slow), 0, 'another name is another limit')
}

async function atOnce(room: Room): Promise<void> {
  const limiters = await Promise.all(range(4).map(() => room.store()))
  const waits = await Promise.all(range(32).map(async (index) => (limiters[index % 4] ?? assert.fail()).reserve('calls', slow)))
  const places = waits.map((waitMs) => Math.ceil(waitMs / slow.intervalMs)).sort((left, right) => left - right)
  assert.deepEqual(places, range(32), 'each place is given once')
}

async function bursts(room: Room): Promise<void> {
  const limiter = await room.store()
  const rate = { intervalMs: 100, burst: 4 }
  await limiter.reserve('calls', rate)
  const begun = performance.now()
  await waitFor(() => performance.now() - begun > rate.intervalMs * 10, { what: 'a pause', limitMs: room.limits.gapMs })
  const asked = performance.now()
  const waits: number[] = []
  for (const _ of range(8)) waits.push(await limiter.reserve('calls', rate))
  const passed = Math.ceil((performance.now() - asked) / rate.intervalMs)
  const now = waits.filter((waitMs) => waitMs === 0).length
  assert.ok(now >= 4 && now <= 4 + passed, `4 at once, however long the pause, and not ${now}`)
}

export const rateLimiterCases: readonly StoreCase<IRateLimiter>[] = [
  { id: 'R01', title: 'places follow each other, over all processes', run: inTurn },
  { id: 'R02', title: 'of many that ask at once, each gets a place of its own', run: atOnce },
  { id: 'R03', title: 'after a pause a burst may begin at once', run: bursts },
]
