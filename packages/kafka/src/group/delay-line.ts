import type { KafkaDelivery } from '../kafka-delivery.js'

interface Waiting {
  readonly dueAt: number
  readonly delivery: KafkaDelivery
}

/** Node fires timers beyond this at once. */
const longestTimerMs = 2_147_483_647

/** Deliveries whose time has not come, each handed on when it is due and never before. */
export class DelayLine {
  readonly #due: (deliveries: readonly KafkaDelivery[]) => void
  #waiting: Waiting[] = []
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(due: (deliveries: readonly KafkaDelivery[]) => void) {
    this.#due = due
  }

  get size(): number {
    return this.#waiting.length
  }

  add(delivery: KafkaDelivery, dueAt: number): void {
    let at = this.#waiting.length
    while (at > 0 && (this.#waiting[at - 1] as Waiting).dueAt > dueAt) at--
    this.#waiting.splice(at, 0, { dueAt, delivery })
    if (at === 0) this.#plan()
  }

  /** Takes out those that are chosen. */
  remove(chosen: (delivery: KafkaDelivery) => boolean): readonly KafkaDelivery[] {
    const removed = this.#waiting.filter(({ delivery }) => chosen(delivery))
    if (removed.length > 0) this.#waiting = this.#waiting.filter(({ delivery }) => !chosen(delivery))
    this.#plan()
    return removed.map(({ delivery }) => delivery)
  }

  #plan(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const [first] = this.#waiting
    if (first === undefined) return
    this.#timer = setTimeout(() => this.#fire(), Math.min(Math.max(0, first.dueAt - Date.now()), longestTimerMs))
  }

  #fire(): void {
    const now = Date.now()
    let count = 0
    while (count < this.#waiting.length && (this.#waiting[count] as Waiting).dueAt <= now) count++
    const due = this.#waiting.splice(0, count)
    this.#plan()
    if (due.length > 0) this.#due(due.map(({ delivery }) => delivery))
  }
}
