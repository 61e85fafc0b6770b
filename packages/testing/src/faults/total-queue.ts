/** What became of what was published: the counters by which Jepsen judges queues. */
export interface Counters {
  /** Accepted, and neither handled nor a dead letter. */
  readonly lost: number
  /** Perhaps accepted, and handled. */
  readonly recovered: number
  /** Handled, and never published or said to be certainly not stored. */
  readonly unexpected: number
  /** Handled to the end more than once: how many times too often. */
  readonly duplicated: number
}

export interface QueuedEvent {
  readonly id: string
  readonly key: string
  /** Its number in its key, in the order of publishing. */
  readonly n: number
}

export interface HandledRun extends QueuedEvent {
  readonly beganMs: number
  readonly endedMs: number
  /** Which consumer it was. */
  readonly by: string
}

export type Answer = 'accepted' | 'unknown' | 'failed'

/** Remembers every publish with its answer, and every run with its time, and says what does not fit together. */
export class TotalQueue {
  readonly #answers = new Map<string, Answer>()
  readonly #serials = new Map<string, number>()
  readonly #runs: HandledRun[] = []
  readonly #timesHandled = new Map<string, number>()
  readonly #timesBuried = new Map<string, number>()
  readonly #waiting = new Set<string>()
  readonly #newestOfKey = new Map<string, number>()
  readonly #lostBy = new Set<string>()

  publishing({ id }: QueuedEvent): void {
    this.#serials.set(id, this.#serials.size)
  }

  answered({ id }: QueuedEvent, answer: Answer): void {
    this.#answers.set(id, answer)
    if (answer === 'accepted' && !this.#timesHandled.has(id) && !this.#timesBuried.has(id)) this.#waiting.add(id)
  }

  handled(run: HandledRun): void {
    const { id, key } = run
    this.#runs.push(run)
    this.#timesHandled.set(id, (this.#timesHandled.get(id) ?? 0) + 1)
    this.#waiting.delete(id)
    this.#newestOfKey.set(key, Math.max(this.#newestOfKey.get(key) ?? -1, this.#serials.get(id) ?? -1))
  }

  buried(id: string): void {
    this.#timesBuried.set(id, (this.#timesBuried.get(id) ?? 0) + 1)
    this.#waiting.delete(id)
  }

  /** This consumer knows that the event was given to somebody else: its run counts for nothing with the broker. */
  lost(by: string, id: string): void {
    this.#lostBy.add(`${by} ${id}`)
  }

  /** How many deliveries were taken away from somebody who knows it. */
  get losses(): number {
    return this.#lostBy.size
  }

  get published(): number {
    return this.#serials.size
  }

  /** Runs that came to their end. */
  get runs(): number {
    return this.#runs.length
  }

  /** How many accepted events were neither handled nor buried yet. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** How often each event became a dead letter. */
  get burials(): ReadonlyMap<string, number> {
    return this.#timesBuried
  }

  answers(answer: Answer): number {
    let count = 0
    for (const each of this.#answers.values()) if (each === answer) count += 1
    return count
  }

  timesHandled(id: string): number {
    return this.#timesHandled.get(id) ?? 0
  }

  /** How many keys had an event handled that was published after the first so many. */
  keysBeyond(serial: number): number {
    return [...this.#newestOfKey.values()].filter((newest) => newest >= serial).length
  }

  counters(): Counters {
    const handled = [...this.#timesHandled.keys()]
    return {
      lost: this.#waiting.size,
      recovered: handled.filter((id) => this.#answers.get(id) === 'unknown').length,
      unexpected: handled.filter((id) => !['accepted', 'unknown'].includes(this.#answers.get(id) ?? 'never published')).length,
      duplicated: this.#runs.length - handled.length,
    }
  }

  /** Accepted events that were handled for the first time after a later one of their key. */
  disorder(): readonly string[] {
    const seen = new Set<string>()
    const latest = new Map<string, number>()
    const found: string[] = []
    for (const { id, key, n } of [...this.#runs].sort((left, right) => left.endedMs - right.endedMs)) {
      if (seen.has(id) || this.#answers.get(id) !== 'accepted') continue
      seen.add(id)
      const before = latest.get(key) ?? -1
      if (n < before) found.push(`${key}: ${n} after ${before}`)
      latest.set(key, Math.max(before, n))
    }
    return found
  }

  /** Runs of a key that began while another one of it went on, and both of them counted. */
  overlaps(): readonly string[] {
    const running = new Map<string, HandledRun>()
    const found: string[] = []
    const counting = this.#runs.filter(({ by, id }) => !this.#lostBy.has(`${by} ${id}`))
    for (const run of counting.sort((left, right) => left.beganMs - right.beganMs)) {
      const before = running.get(run.key)
      if (before !== undefined && before.endedMs > run.beganMs) {
        found.push(`${run.key}: ${run.n} began ${Math.ceil(before.endedMs - run.beganMs)} ms before the end of ${before.n}`)
      }
      if (before === undefined || run.endedMs > before.endedMs) running.set(run.key, run)
    }
    return found
  }
}
