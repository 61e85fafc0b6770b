import { describe, expect, test } from 'vitest'
import { Lockout } from './lockout.js'

const minuteMs = 60_000

/** Answers when it is locked until, in minutes. */
function fail(lockout: Lockout, minute: number): number | undefined {
  expect(lockout.begin(minute * minuteMs), `the attempt at minute ${minute} is looked at`).toBe(true)
  const until = lockout.failed(minute * minuteMs)
  return until && until.getTime() / minuteMs
}

describe('an account', () => {
  test('is locked for half an hour by the fifth failure within a quarter of one', () => {
    const lockout = new Lockout()
    expect([1, 2, 3, 4, 5].map((minute) => fail(lockout, minute))).toEqual([undefined, undefined, undefined, undefined, 35])
    expect(lockout.begin(6 * minuteMs)).toBe(false)
    expect(lockout.begin(35 * minuteMs - 1)).toBe(false)
    expect(lockout.begin(35 * minuteMs)).toBe(true)
  })

  test('is not locked by failures that are further apart', () => {
    const lockout = new Lockout()
    expect([0, 1, 2, 3, 15, 16, 17, 18].map((minute) => fail(lockout, minute))).toEqual(Array.from({ length: 8 }))
    expect(fail(lockout, 18)).toBe(48)
  })

  test('begins anew after a success, and after a lock', () => {
    const lockout = new Lockout()
    for (const minute of [1, 2, 3, 4]) fail(lockout, minute)
    expect(lockout.begin(5 * minuteMs)).toBe(true)
    lockout.succeeded()
    expect([6, 7, 8, 9].map((minute) => fail(lockout, minute))).toEqual(Array.from({ length: 4 }))
    expect(fail(lockout, 10)).toBe(40)
    expect(fail(lockout, 40)).toBeUndefined()
  })

  test('is not locked longer by what comes while it is locked', () => {
    const lockout = new Lockout()
    for (const minute of [1, 2, 3, 4, 5]) fail(lockout, minute)
    for (let minute = 6; minute < 35; minute++) expect(lockout.begin(minute * minuteMs)).toBe(false)
    expect(lockout.begin(35 * minuteMs)).toBe(true)
  })
})

describe('guesses at the same time', () => {
  test('are no more than others', () => {
    const lockout = new Lockout()
    expect(Array.from({ length: 7 }, () => lockout.begin(0))).toEqual([true, true, true, true, true, false, false])
    expect(Array.from({ length: 5 }, () => lockout.failed(0))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      new Date(30 * minuteMs),
    ])
  })

  test('that came to no answer do not count', () => {
    const lockout = new Lockout()
    for (let time = 0; time < 5; time++) lockout.begin(0)
    for (let time = 0; time < 5; time++) lockout.abandoned()
    expect(lockout.begin(0)).toBe(true)
  })
})
