const minuteMs = 60_000

export const policy = { failures: 5, withinMs: 15 * minuteMs, lockMs: 30 * minuteMs } as const

/**
 * How often one account was guessed at. An attempt counts from its beginning, so that guesses at the same time are no more than the
 * others. What comes while the account is locked makes that no longer.
 */
export class Lockout {
  #failures: number[] = []
  #underWay = 0
  #lockedUntil = 0

  /** Whether the password may be looked at. One of the other three calls has to follow. */
  begin(at: number): boolean {
    if (at < this.#lockedUntil) return false
    this.#failures = this.#failures.filter((failure) => at - failure < policy.withinMs)
    if (this.#failures.length + this.#underWay >= policy.failures) return false
    this.#underWay++
    return true
  }

  /** Until when this failure locks the account, if it does. */
  failed(at: number): Date | undefined {
    this.#underWay--
    this.#failures.push(at)
    if (this.#failures.length < policy.failures) return undefined
    this.#failures = []
    this.#lockedUntil = at + policy.lockMs
    return new Date(this.#lockedUntil)
  }

  succeeded(): void {
    this.#underWay--
    this.#failures = []
  }

  /** It came to no answer. */
  abandoned(): void {
    this.#underWay--
  }
}
