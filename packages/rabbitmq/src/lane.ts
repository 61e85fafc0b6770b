/** A message with its place among all that were asked for. */
interface Placed {
  readonly place: number
}

/**
 * Messages that keep their order among themselves: those of one partition. The server refuses what it can't store for now, for example
 * while a queue has no leader. What it refused is held back, with all that comes after it, and goes again in its order when nothing of the
 * lane is on the way. One that was refused while a later one was stored is too late.
 */
export class Lane<Sending extends Placed> {
  #onTheWay = 0
  /** The last place that is stored. */
  #stored = -1
  #held: Sending[] = []

  /** Whether what comes next has to wait. */
  get holds(): boolean {
    return this.#held.length > 0
  }

  /** Whether what is held back may go again. */
  get isDue(): boolean {
    return this.holds && this.#onTheWay === 0
  }

  sent(): void {
    this.#onTheWay++
  }

  /** Its answer does not count any more. */
  givenUp(): void {
    this.#onTheWay--
  }

  /** Answers what is too late by that. */
  stored({ place }: Sending): readonly Sending[] {
    this.#onTheWay--
    this.#stored = Math.max(this.#stored, place)
    return this.holds ? this.take((held) => held.place < place) : []
  }

  /** `false` where it is too late to be sent again. */
  refused(sending: Sending): boolean {
    this.#onTheWay--
    if (this.#stored > sending.place) return false
    this.#held.push(sending)
    return true
  }

  /** Has it wait behind what was refused. */
  hold(sending: Sending): void {
    this.#held.push(sending)
  }

  /** Takes out what is held back, or some of it. */
  take(chosen: (held: Sending) => boolean = () => true): readonly Sending[] {
    const taken = this.#held.filter(chosen)
    if (taken.length > 0) this.#held = this.#held.filter((held) => !taken.includes(held))
    return taken
  }
}
