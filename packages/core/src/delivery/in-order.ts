/**
 * Hands items on together, in their order and one call at a time: what has been taken is always a beginning of what was given, also
 * after a crash. What comes while a call is under way goes into the next.
 */
export class InOrder<Item> {
  readonly #take: (items: readonly Item[]) => Promise<unknown>
  #items: Item[] = []
  #next: Promise<void> | undefined
  #last: Promise<unknown> = Promise.resolve()
  #pending = 0

  constructor(take: (items: readonly Item[]) => Promise<unknown>) {
    this.#take = take
  }

  /** Resolves when it has been taken. */
  add(item: Item): Promise<void> {
    this.#items.push(item)
    if (this.#next === undefined) {
      this.#pending++
      this.#next = this.#last.then(() => this.#takeAll())
      const over = (): void => void this.#pending--
      this.#last = this.#next.then(over, over)
    }
    return this.#next
  }

  /** Whether something was given that has not been taken. */
  get busy(): boolean {
    return this.#pending > 0
  }

  /** Resolves when what was given so far has been taken or refused. */
  async passed(): Promise<void> {
    await this.#last
  }

  async #takeAll(): Promise<void> {
    const items = this.#items
    this.#items = []
    this.#next = undefined
    await this.#take(items)
  }
}
