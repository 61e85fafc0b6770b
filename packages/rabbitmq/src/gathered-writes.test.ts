import { Writable } from 'node:stream'
import type { ChannelModel } from 'amqplib'
import { expect, it } from 'vitest'
import { gatherWrites } from './gathered-writes.js'

/** A socket that remembers what came in one call of the system, and the model of a client that writes to it. */
function clientWith(): { readonly model: ChannelModel; readonly socket: Writable; readonly calls: string[][] } {
  const calls: string[][] = []
  const socket = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      calls.push([String(chunk)])
      done()
    },
    writev(chunks, done) {
      calls.push(chunks.map(({ chunk }) => String(chunk)))
      done()
    },
  })
  return { model: { connection: { stream: socket } } as unknown as ChannelModel, socket, calls }
}

it('sends what is written in one tick in one call, in its order, and what comes later in the next', async () => {
  const { model, socket, calls } = clientWith()
  gatherWrites(model)
  for (const frame of ['a', 'b', 'c']) socket.write(frame)
  expect(calls).toEqual([])
  await new Promise((resolve) => setImmediate(resolve))
  expect(calls).toEqual([['a', 'b', 'c']])
  await new Promise<void>((resolve) => socket.write('d', () => resolve()))
  expect(calls).toEqual([['a', 'b', 'c'], ['d']])
})

it('says when to wait, as the socket does', () => {
  const { model, socket } = clientWith()
  gatherWrites(model)
  expect(socket.write('a')).toBe(true)
  expect(socket.write('x'.repeat(100_000))).toBe(false)
})

it('leaves a client as it is that does not show its socket', () => {
  expect(() => gatherWrites({ connection: {} } as unknown as ChannelModel)).not.toThrow()
})
