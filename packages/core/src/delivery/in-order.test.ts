import { describe, expect, test } from 'vitest'
import { InOrder } from './in-order.js'

describe('what is handed on in order', () => {
  test('goes in one call at a time, what came meanwhile together', async () => {
    const calls: string[] = []
    let end: () => void = () => undefined
    const subject = new InOrder<string>((items) => {
      calls.push(items.join(''))
      return calls.length === 1 ? new Promise<void>((resolve) => (end = resolve)) : Promise.resolve()
    })
    const first = subject.add('a')
    await Promise.resolve()
    const rest = [subject.add('b'), subject.add('c')]
    expect(calls).toEqual(['a'])
    expect(subject.busy).toBe(true)
    end()
    await Promise.all([first, ...rest])
    expect(calls).toEqual(['a', 'bc'])
    await subject.passed()
    expect(subject.busy).toBe(false)
  })

  test('rejects for those of one call, and goes on with the next', async () => {
    let refused = false
    const subject = new InOrder<string>((items) => {
      if (refused) return Promise.resolve(items)
      refused = true
      return Promise.reject(new Error('no'))
    })
    await expect(subject.add('a')).rejects.toThrow('no')
    await subject.add('b')
  })
})
