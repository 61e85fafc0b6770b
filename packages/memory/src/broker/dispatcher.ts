import type { GroupQueue } from './group-queue.js'

/** How many deliveries go out before the event loop gets its turn. */
const turnLimit = 1_024

/**
 * Hands out what groups have to deliver, one group after the other. Nothing recurses: what is published while a handler runs waits until
 * that handler has returned. Nothing starves the event loop either: long work goes on in its next turn.
 */
export class Dispatcher {
  /** `announced`: a dispatch will begin by itself. */
  #state: 'idle' | 'dispatching' | 'announced' = 'idle'
  /** The round: groups with something to hand out, chained through themselves. */
  #first: GroupQueue | undefined
  #last: GroupQueue | undefined
  #sinceTurn = 0

  /** Takes the group into the round; not called again for it before its `dispatch` is. */
  add(group: GroupQueue): void {
    if (this.#last === undefined) this.#first = group
    else this.#last.nextInRound = group
    this.#last = group
  }

  /** Hands out at once, unless that is under way already. */
  run(): void {
    if (this.#state === 'idle') this.#dispatch()
  }

  /** Hands out when the caller's own code has come to its end. */
  soon(): void {
    if (this.#state !== 'idle' || this.#first === undefined) return
    this.#state = 'announced'
    if (this.#sinceTurn < turnLimit) queueMicrotask(this.#begin)
    else setImmediate(this.#nextTurn)
  }

  readonly #begin = (): void => {
    this.#sinceTurn += this.#dispatch()
  }

  readonly #nextTurn = (): void => {
    this.#sinceTurn = 0
    this.#dispatch()
  }

  #dispatch(): number {
    this.#state = 'dispatching'
    let handedOut = 0
    try {
      for (let group = this.#take(); group !== undefined; group = handedOut < turnLimit ? this.#take() : undefined) {
        handedOut += group.dispatch(turnLimit - handedOut)
      }
    } finally {
      if (this.#first === undefined) this.#state = 'idle'
      else {
        this.#state = 'announced'
        setImmediate(this.#nextTurn)
      }
    }
    return handedOut
  }

  #take(): GroupQueue | undefined {
    const group = this.#first
    if (group === undefined) return undefined
    this.#first = group.nextInRound
    if (this.#first === undefined) this.#last = undefined
    group.nextInRound = undefined
    return group
  }
}
