import type { IClock, Timer } from '@interline/core'

/** Something that waits for its time. */
export interface Delayed {
  /** Called once, never early. */
  due(): void
}

interface Entry {
  dueAt: number
  readonly order: number
  readonly item: Delayed
}

/** All that waits for its time, in a heap with one timer for the earliest. What is due at the same time comes in the order it was added. */
export class DelayedQueue {
  readonly #heap: Entry[] = []
  readonly #afterDue: () => void
  #clock: IClock
  #added = 0
  #timer: Timer | undefined
  #timerDueAt = Number.POSITIVE_INFINITY
  #stopped = false

  /** `afterDue` is called when all that is due was told. */
  constructor(clock: IClock, afterDue: () => void) {
    this.#clock = clock
    this.#afterDue = afterDue
  }

  add(item: Delayed, delayMs: number): void {
    const entry: Entry = { dueAt: this.#clock.monotonic() + delayMs, order: this.#added++, item }
    this.#heap.push(entry)
    this.#rise(this.#heap.length - 1, entry)
    this.#arm()
  }

  /** Waits on by this clock; each item as long as it had left on the clock before. */
  start(clock: IClock): void {
    const shift = clock.monotonic() - this.#clock.monotonic()
    for (const entry of this.#heap) entry.dueAt += shift
    this.#clock = clock
    this.#stopped = false
    this.#arm()
  }

  /** Lets go of the timer; what waits, waits until `start`. */
  stop(): void {
    this.#stopped = true
    this.#disarm()
  }

  #arm(): void {
    const earliest = this.#heap[0]
    if (this.#stopped || earliest === undefined || earliest.dueAt >= this.#timerDueAt) return
    this.#disarm()
    this.#timerDueAt = earliest.dueAt
    this.#timer = this.#clock.setTimer(this.#elapsed, Math.max(0, earliest.dueAt - this.#clock.monotonic()))
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerDueAt = Number.POSITIVE_INFINITY
  }

  readonly #elapsed = (): void => {
    this.#disarm()
    const now = this.#clock.monotonic()
    for (let first = this.#heap[0]; first !== undefined && first.dueAt <= now; first = this.#heap[0]) {
      this.#removeFirst()
      first.item.due()
    }
    this.#arm()
    this.#afterDue()
  }

  #removeFirst(): void {
    const last = this.#heap.pop() as Entry
    if (this.#heap.length > 0) this.#sink(last)
  }

  #rise(from: number, entry: Entry): void {
    let index = from
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = this.#heap[parent] as Entry
      if (!isBefore(entry, above)) break
      this.#heap[index] = above
      index = parent
    }
    this.#heap[index] = entry
  }

  #sink(entry: Entry): void {
    let index = 0
    for (let child = 1; child < this.#heap.length; child = 2 * index + 1) {
      const right = this.#heap[child + 1]
      if (right !== undefined && isBefore(right, this.#heap[child] as Entry)) child++
      const below = this.#heap[child] as Entry
      if (!isBefore(below, entry)) break
      this.#heap[index] = below
      index = child
    }
    this.#heap[index] = entry
  }
}

function isBefore(left: Entry, right: Entry): boolean {
  return left.dueAt < right.dueAt || (left.dueAt === right.dueAt && left.order < right.order)
}
