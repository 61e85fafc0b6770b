/** As the server sends it. */
export interface Confirmation {
  readonly deliveryTag: number
  readonly multiple: boolean
}

/**
 * What was published on one channel and has no answer, in its order. The server answers by the how many-th it was, for one alone or for all
 * up to it.
 */
export class Unconfirmed<Sending extends { readonly entry: string; readonly until: number }> {
  readonly #sendings = new Map<number, Sending>()
  #written = 0
  /** Everything up to here has its answer. */
  #low = 0

  get size(): number {
    return this.#sendings.size
  }

  add(sending: Sending): void {
    this.#sendings.set(++this.#written, sending)
  }

  answered({ deliveryTag, multiple }: Confirmation, settle: (sending: Sending) => void): void {
    for (let number = multiple ? this.#low + 1 : deliveryTag; number <= deliveryTag; number++) {
      const sending = this.#sendings.get(number)
      if (sending === undefined) continue
      this.#sendings.delete(number)
      settle(sending)
    }
    if (multiple) this.#low = deliveryTag
  }

  /** The one of this name. What the server gives back is among the first, as its confirm comes right behind. */
  named(entry: unknown): Sending | undefined {
    for (const sending of this.#sendings.values()) if (sending.entry === entry) return sending
    return undefined
  }

  /** Takes out what is past its time. */
  expired(now: number): readonly Sending[] {
    const expired: Sending[] = []
    for (const [number, sending] of this.#sendings) {
      if (sending.until > now) break
      this.#sendings.delete(number)
      expired.push(sending)
    }
    return expired
  }

  /** Takes out all. */
  all(): readonly Sending[] {
    const all = [...this.#sendings.values()]
    this.#sendings.clear()
    return all
  }
}
