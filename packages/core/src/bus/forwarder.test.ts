import { MemoryEventStore } from '@interline/memory'
import { VirtualClock } from '@interline/testing'
import { expect, test } from 'vitest'
import type { WireMessage } from '../ports/message.js'
import { Forwarder } from './forwarder.js'

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

const message = (id: string): WireMessage => ({
  destination: 'd',
  topic: 'd.t',
  key: undefined,
  attributes: { specversion: '1.0', id, source: 's', type: 'T' },
  data: '{}',
})

test('where the broker takes nothing, each event that is appended meanwhile is no reason to try at once', async () => {
  const clock = new VirtualClock()
  const store = new MemoryEventStore({ clock })
  const tries: (readonly WireMessage[])[] = []
  let down = true
  const forwarder = new Forwarder({
    store,
    name: 'f',
    owner: 'o',
    clock,
    logger: silent,
    publish: async (messages) => {
      tries.push(messages)
      if (down) throw new Error('down')
    },
  })
  await forwarder.start()
  for (let index = 0; index < 50; index++) {
    await store.append('s', [message(`e-${index}`)])
    forwarder.wake()
    await clock.advance(1)
  }
  expect(tries.length).toBe(1)
  await clock.advance(1_000)
  const before = tries.length
  expect(before).toBeGreaterThan(1)
  // Who closes does not wait for the next try.
  down = false
  await forwarder.stop()
  expect(tries.slice(before).map((messages) => messages.length)).toEqual([50])
  await store.close()
})
