import { randomFillSync } from 'node:crypto'

/**
 * UUID version 7 (RFC 9562, section 5.7) with a counter in place of `rand_a` and the upper bits of `rand_b` (section 6.2, method 1).
 * A millisecond begins with fresh randomness: 25 bits of counter, whose first bit is left clear as room to count, and a tail of 48 bits
 * that all ids of that millisecond share. Ids of one process only grow; over processes the counter's start and the tail keep them apart.
 */
const pairs: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const counterLimit = 0x4000000
const drawBytes = 10
const pool = new Uint8Array(drawBytes * 256)

let unread = pool.length
let millisecond = 0
let counter = 0
let low = 0
let head = ''
let tail = ''

const pair = (byte: number): string => pairs[byte & 0xff] as string

function beginMillisecond(now: number): void {
  if (unread >= pool.length) {
    randomFillSync(pool)
    unread = 0
  }
  const byte = (offset: number): number => pool[unread + offset] as number
  millisecond = now
  counter = (byte(0) * 0x20000 + byte(1) * 0x200 + byte(2) * 2 + (byte(3) & 1)) & (counterLimit / 2 - 1)
  low = counter & 0xff
  tail = `-${pair(byte(4))}${pair(byte(5))}${pair(byte(6))}${pair(byte(7))}${pair(byte(8))}${pair(byte(9))}`
  unread += drawBytes
  makeHead()
}

function makeHead(): void {
  const time = millisecond.toString(16).padStart(12, '0')
  const upper = (0x7000 | (counter >>> 14)).toString(16)
  head = `${time.slice(0, 8)}-${time.slice(8)}-${upper}-${pair(0x80 | ((counter >>> 8) & 0x3f))}`
}

function nextBlock(): void {
  if (counter >= counterLimit) beginMillisecond(millisecond + 1)
  else {
    low = 0
    makeHead()
  }
}

/** A new event id, greater than every one this process made before. `now` saves the look at the clock where the caller has just done so. */
export function newEventId(now: number = Date.now()): string {
  if (now > millisecond) beginMillisecond(now)
  else {
    counter++
    if (++low === 256) nextBlock()
  }
  return head + pairs[low] + tail
}
