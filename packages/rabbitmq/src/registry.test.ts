import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import type { Link } from './link.js'
import { Names } from './names.js'
import { Registry } from './registry.js'

/** A channel to a stream that takes nothing. */
class Channel extends EventEmitter {
  closed = false

  async assertQueue(): Promise<void> {}

  async prefetch(): Promise<void> {}

  async consume(): Promise<void> {}

  sendToQueue(): boolean {
    return true
  }

  async waitForConfirms(): Promise<void> {
    throw new Error('refused')
  }

  async close(): Promise<void> {
    this.closed = true
    this.emit('close')
  }
}

test('what can not be written leaves no channel behind, neither its own nor that of a reader', async () => {
  const channels: Channel[] = []
  const open = async (): Promise<Channel> => {
    const channel = new Channel()
    channels.push(channel)
    return channel
  }
  const registry = new Registry({ channel: open, confirmChannel: open } as unknown as Link, new Names(''))
  await expect(registry.groups()).rejects.toThrow('refused')
  expect(channels.length).toBeGreaterThan(1)
  expect(channels.filter(({ closed }) => !closed)).toEqual([])
})
