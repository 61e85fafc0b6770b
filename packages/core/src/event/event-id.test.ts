import { describe, expect, it } from 'vitest'
import { newEventId } from './event-id.js'

describe('newEventId', () => {
  it('gives UUIDs of version 7 with the variant of RFC 9562', () => {
    expect(newEventId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('begins with the time in milliseconds', () => {
    const future = Date.now() + 60_000
    expect(Number.parseInt(newEventId(future).replaceAll('-', '').slice(0, 12), 16)).toBe(future)
  })

  it('only grows, also within one millisecond and when the clock goes back', () => {
    const now = Date.now() + 120_000
    let last = newEventId(now)
    let disorder = 0
    for (let count = 0; count < 200_000; count++) {
      const next = newEventId(now - (count % 3))
      if (next <= last) disorder++
      last = next
    }
    expect(disorder).toBe(0)
  })

  it('starts each millisecond with fresh randomness', () => {
    const base = Date.now() + 240_000
    const tails = new Set(Array.from({ length: 1_000 }, (_, index) => newEventId(base + index).slice(24)))
    expect(tails.size).toBe(1_000)
  })
})
