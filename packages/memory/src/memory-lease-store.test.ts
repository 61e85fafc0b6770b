import { VirtualClock } from '@interline/testing'
import { describe, expect, it } from 'vitest'
import { MemoryCheckpointStore } from './memory-checkpoint-store.js'
import { MemoryLeaseStore } from './memory-lease-store.js'

const lasting = { durationMs: 1_000 }

describe('a lease in memory', () => {
  it('has one owner until it is released or runs out, and a greater token for each new one', async () => {
    const clock = new VirtualClock()
    const store = new MemoryLeaseStore({ clock })
    const first = store.acquire('relay', 'a', lasting)!
    expect(store.acquire('relay', 'b', lasting)).toBeUndefined()
    expect(store.acquire('relay', 'a', lasting)).toEqual(first)
    store.release(first)
    const second = store.acquire('relay', 'b', lasting)!
    expect(second.token).toBeGreaterThan(first.token)
    await clock.advance(1_000)
    const third = store.acquire('relay', 'a', lasting)!
    expect(third.token).toBeGreaterThan(second.token)
    expect(store.renew(second, lasting)).toBe(false)
    store.release(second)
    expect(store.renew(third, lasting)).toBe(true)
  })

  it('lasts as long as it is renewed in time', async () => {
    const clock = new VirtualClock()
    const store = new MemoryLeaseStore({ clock })
    const lease = store.acquire('relay', 'a', lasting)!
    for (let n = 0; n < 3; n++) {
      await clock.advance(999)
      expect(store.renew(lease, lasting)).toBe(true)
    }
    await clock.advance(1_000)
    expect(store.renew(lease, lasting)).toBe(false)
  })
})

describe('a checkpoint in memory', () => {
  it('is set only by who knows where it was', () => {
    const store = new MemoryCheckpointStore()
    expect(store.load('reader')).toBeUndefined()
    expect(store.save('reader', '5', undefined)).toBe(true)
    expect(store.save('reader', '9', undefined)).toBe(false)
    expect(store.save('reader', '9', '5')).toBe(true)
    expect(store.load('reader')).toBe('9')
    store.remove('reader')
    expect(store.load('reader')).toBeUndefined()
  })
})
