import { expect, test } from 'vitest'
import { decodeState, encodeState, maxMetadataLength, nothingKept } from './commit-metadata.js'

const note = (attempts: number): string => JSON.stringify({ first: 1_732_199_999_000, handlers: { mail: [attempts, 0] } })

test('what is committed is read again', () => {
  const state = {
    done: [101, 103, 140],
    doubtfulBelow: 160,
    doubtful: [100, 102],
    notes: new Map([
      [100, note(2)],
      [102, note(1)],
    ]),
  }
  expect(decodeState(100, encodeState(100, state))).toEqual(state)
})

test('a clean position needs no words', () => {
  expect(encodeState(100, nothingKept)).toBe('')
  expect(decodeState(100, '')).toEqual(nothingKept)
})

test('what others committed says nothing', () => {
  for (const metadata of ['event-17', 'interline/1 {', 'interline/1 {"n":"!"}']) expect(decodeState(7, metadata)).toEqual(nothingKept)
})

test('too many notes lose the oldest, and never the last', () => {
  const random = (): string => Math.random().toString(36)
  const notes = new Map(Array.from({ length: 500 }, (_, index) => [index, `${random()}${random()}`]))
  const text = encodeState(0, { ...nothingKept, notes })
  expect(text.length).toBeLessThanOrEqual(maxMetadataLength)
  const kept = decodeState(0, text).notes
  expect(kept.get(499)).toBe(notes.get(499))
  expect(kept.size).toBeGreaterThan(50)
  expect(kept.size).toBeLessThan(500)
})
