import type { CommittedOffset } from '../drivers/driver.js'
import { type CommitState, decodeState, encodeState } from './commit-metadata.js'

/** How far what is handed out may be ahead of what is settled: beyond it a partition waits for its slowest event. */
export const maxSpan = 4_096

/** How many may be handed out before the next commit, where little goes on. */
const leastAllowance = 8

/** What to do with a record that was fetched. */
export type Taken = { readonly redelivered: boolean; readonly progress: string | undefined }

/** One partition of one topic in the hands of this process: what is handed out, noted, settled, and what of it is committed. */
export class PartitionLog {
  readonly topic: string
  readonly partition: number
  /** The next offset to fetch. */
  position: number
  /** Nothing from here on may be handed out until a commit has said so. */
  allowedBelow: number
  /** Offsets handed out, in their order, with holes where a log has them. */
  readonly #order: number[] = []
  #head = 0
  readonly #inHand = new Set<number>()
  readonly #done: Set<number>
  readonly #doubtful: Set<number>
  readonly #doubtfulBelow: number
  readonly #notes: Map<number, string>
  /** Given back without a verdict, and whether somebody may have begun them before. */
  readonly #released = new Map<number, boolean>()
  readonly #taken = new Map<number, boolean>()
  #handedSinceCommit = 0
  #allowedLast = 0
  #attempted: CommittedOffset
  #confirmed: CommittedOffset
  #dirty = false

  constructor(committed: CommittedOffset) {
    const { topic, partition, offset, metadata } = committed
    const state = decodeState(offset, metadata)
    this.#attempted = this.#confirmed = committed
    this.topic = topic
    this.partition = partition
    this.position = offset
    this.allowedBelow = offset
    this.#done = new Set(state.done)
    this.#doubtful = new Set(state.doubtful)
    this.#doubtfulBelow = state.doubtfulBelow
    this.#notes = new Map(state.notes)
  }

  /** The lowest offset that is not settled. */
  get watermark(): number {
    return this.#order[this.#head] ?? this.position
  }

  get inHand(): number {
    return this.#inHand.size
  }

  get dirty(): boolean {
    return this.#dirty
  }

  get isFull(): boolean {
    return this.position >= this.watermark + maxSpan
  }

  /** Answers how a record is handed out; `undefined` where it is settled or in hand already. The position moves behind it. */
  take(offset: number, dueAt: number): Taken | undefined {
    if (offset < this.position) return undefined
    this.position = offset + 1
    this.#order.push(offset)
    if (this.#done.has(offset)) {
      this.#advance()
      return undefined
    }
    this.#inHand.add(offset)
    this.#handedSinceCommit++
    // what is not due yet was never handed out
    const redelivered = (offset < this.#doubtfulBelow || this.#doubtful.has(offset)) && dueAt <= Date.now()
    this.#taken.set(offset, redelivered)
    if (this.allowedBelow - offset < this.#allowance / 2) this.#dirty = true
    return { redelivered, progress: this.#notes.get(offset) }
  }

  /** The position goes on behind what is not for us. */
  skip(to: number): void {
    if (to <= this.position) return
    this.position = to
    this.#dirty = true
  }

  settle(offset: number): void {
    if (!this.#inHand.delete(offset)) return
    this.#taken.delete(offset)
    this.#notes.delete(offset)
    this.#doubtful.delete(offset)
    this.#done.add(offset)
    this.#advance()
    this.#dirty = true
  }

  note(offset: number, progress: string): void {
    // the last one noted stands last
    this.#notes.delete(offset)
    this.#notes.set(offset, progress)
    this.#taken.set(offset, false)
    this.#dirty = true
  }

  noteOf(offset: number): string | undefined {
    return this.#notes.get(offset)
  }

  release(offset: number): void {
    if (!this.#inHand.delete(offset)) return
    this.#released.set(offset, this.#taken.get(offset) === true)
    this.#taken.delete(offset)
    this.#dirty = true
  }

  /** Something must be committed before more can be handed out. */
  touch(): void {
    this.#dirty = true
  }

  /** What to commit now. `confirmed` is to be called when it is committed. */
  snapshot(): { readonly offset: CommittedOffset; confirmed(): void } {
    this.#dirty = false
    const offset = this.watermark
    // as much again as was handed out since the last time: few are in doubt after a crash, and a full stream is not held up
    this.#allowedLast = Math.max(this.#handedSinceCommit * 2, this.#allowedLast / 2)
    const doubtfulBelow = Math.max(this.position + this.#allowance, this.#doubtfulBelow)
    this.#handedSinceCommit = 0
    const attempted = this.#encoded(offset, doubtfulBelow, [...this.#doubtful])
    this.#attempted = attempted
    return {
      offset: attempted,
      confirmed: () => {
        this.#confirmed = attempted
        this.allowedBelow = Math.max(this.allowedBelow, doubtfulBelow)
      },
    }
  }

  /** The account of an owner that goes in good order: only what it holds and did not release is in doubt. */
  finalSnapshot(): CommittedOffset {
    const offset = this.watermark
    const again = [...this.#released].filter(([, begun]) => begun).map(([each]) => each)
    const doubtful = [...this.#inHand, ...again, ...this.#doubtful].filter((each) => each >= offset && !this.#done.has(each))
    return this.#encoded(offset, this.#doubtfulBelow > this.position ? this.#doubtfulBelow : 0, doubtful)
  }

  /** Whether what is committed is this one's last word: then nobody else has had it since. */
  isOwn({ offset, metadata }: CommittedOffset): boolean {
    return [this.#attempted, this.#confirmed].some((own) => own.offset === offset && own.metadata === metadata)
  }

  get #allowance(): number {
    return Math.min(maxSpan, Math.max(leastAllowance, this.#allowedLast))
  }

  #encoded(offset: number, doubtfulBelow: number, doubtful: readonly number[]): CommittedOffset {
    const state: CommitState = { done: [...this.#done].filter((each) => each >= offset), doubtfulBelow, doubtful, notes: this.#notes }
    return { topic: this.topic, partition: this.partition, offset, metadata: encodeState(offset, state) }
  }

  #advance(): void {
    for (let offset = this.#order[this.#head]; offset !== undefined && this.#done.has(offset); offset = this.#order[++this.#head]) {
      this.#done.delete(offset)
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#order.length) {
      this.#order.splice(0, this.#head)
      this.#head = 0
    }
  }
}
