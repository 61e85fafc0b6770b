/** Numbers that look random and are the same in every run: a linear congruential generator with the constants of Numerical Recipes. */
export class Chance {
  #state: number

  constructor(start: number) {
    this.#state = start
  }

  /** From 0 to below `end`. */
  below(end: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#state / 2 ** 32) * end)
  }
}
