import { InterlineError } from '@interline/core'
import { afterAll, expect, test } from 'vitest'
import { keysOf, message, messages, testStore } from './stores.js'

const room = testStore()
const { store } = room
afterAll(() => room[Symbol.asyncDispose]())

test.each<[string, () => unknown, string]>([
  ['an event by reference', () => store.append('s', [{ ...message(), data: { reference: {} } }]), 'by reference'],
  ['an event of 17 MB', () => store.append('s', [message({ text: 'x'.repeat(17 * 1024 * 1024) })]), '16777216'],
  ['one wrong event among good ones', () => store.append('s', [...messages(3), { ...message(), attributes: {} }]), 'no id'],
  ['3,000 events at once', () => store.append('s', messages(3_000)), 'Append them in parts'],
])('refuses %s, clearly, and writes nothing', async (_what, call, words) => {
  const error = await (async () => call())().catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(InterlineError)
  expect((error as Error).message).toContain(words)
  expect((error as Error).message.length).toBeLessThan(400)
  expect((await keysOf(room.prefix)).filter((name) => /:(events|record|log|correlation)/.test(name))).toEqual([])
})
