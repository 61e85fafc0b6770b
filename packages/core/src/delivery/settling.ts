import { after, isPromise } from '../awaitable.js'
import { toError } from '../errors.js'
import type { Awaitable } from '../ports/abortable.js'
import type { DeadLetter, IDeadLetterStore } from '../ports/dead-letter-store.js'
import type { Delivery, Retry } from '../ports/delivery.js'
import type { SettledEvent } from '../ports/instrumentation.js'
import type { GroupSettings } from './group-engine.js'
import { insist } from './insist.js'

/** Told when a delivery is in nobody's hands here any more: settled, or somebody else's. */
export interface SettlingOwner {
  ended(delivery: Delivery): void
  lost(delivery: Delivery): void
}

const acknowledge = (delivery: Delivery): Awaitable<boolean> => delivery.ack()

/** Tells the broker what became of deliveries, and before that the dead-letter store, where one is configured. */
export class Settling {
  readonly #settings: GroupSettings
  readonly #owner: SettlingOwner
  readonly #pending = new Set<Promise<unknown>>()

  constructor(settings: GroupSettings, owner: SettlingOwner) {
    this.#settings = settings
    this.#owner = owner
  }

  /** Resolves when the broker has it. Waits for `before`; where that fails, the broker will hand the delivery out again. */
  settle(delivery: Delivery, letters: readonly DeadLetter[], before: Promise<unknown> | undefined): Awaitable<void> {
    if (before !== undefined)
      return this.#settled(
        delivery,
        before.then(() => this.#end(delivery, letters)),
      )
    if (letters.length === 0) return this.#settled(delivery, this.#acknowledge(delivery))
    return this.#settled(delivery, this.#bury(delivery, letters))
  }

  giveBack(delivery: Delivery, retry: Retry, before: Promise<unknown> | undefined): Awaitable<void> {
    const { deadLetters, keepsDeadLetters } = this.#settings
    const giveBack = (given: Retry): Awaitable<boolean> => this.#told('retry', () => delivery.retry(given), delivery)
    if (!keepsDeadLetters) {
      for (const letter of retry.deadLetters) this.dropped(letter)
      retry = { ...retry, deadLetters: [] }
    }
    const stored =
      deadLetters === undefined || retry.deadLetters.length === 0
        ? before?.then(() => retry)
        : Promise.all([before, this.#store(deadLetters, retry.deadLetters)]).then(() => ({ ...retry, deadLetters: [] }))
    return this.#settled(delivery, stored === undefined ? giveBack(retry) : stored.then(giveBack))
  }

  /** Keeps progress beside a delivery. `false`: it belongs to somebody else. A broker that is away for now loses only the count. */
  note(delivery: Delivery, progress: string): Awaitable<boolean> {
    return this.#guard(() => delivery.note(progress), delivery, true)
  }

  /** An event that is given up without a dead letter, because that was asked for or there is no place for one. */
  dropped(letter: DeadLetter): void {
    const { hooks, logger } = this.#settings
    hooks.deadLettered?.(letter)
    logger.error(`Event ${letter.eventType} ${letter.eventId} was given up by "${letter.handler}" and is not kept.`, {
      reason: letter.reason,
      error: letter.error.message,
    })
  }

  /** Resolves when nothing is on its way to the broker any more. */
  async done(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending)
  }

  #end(delivery: Delivery, letters: readonly DeadLetter[]): Awaitable<boolean> {
    return letters.length === 0 ? this.#acknowledge(delivery) : this.#bury(delivery, letters)
  }

  #bury(delivery: Delivery, letters: readonly DeadLetter[]): Awaitable<boolean> {
    const { broadcast, keepsDeadLetters, deadLetters } = this.#settings
    if (broadcast || !keepsDeadLetters) {
      for (const letter of letters) this.dropped(letter)
      return this.#acknowledge(delivery)
    }
    const buried =
      deadLetters === undefined
        ? this.#told('dead-letter', () => delivery.deadLetter(letters), delivery)
        : this.#store(deadLetters, letters).then(() => this.#acknowledge(delivery))
    return after(buried, (inTime) => (inTime ? this.#buried(delivery, letters) : false))
  }

  #buried(delivery: Delivery, letters: readonly DeadLetter[]): Awaitable<boolean> {
    const { hooks, held } = this.#settings
    for (const letter of letters) {
      if (letter.reason === 'parked') hooks.parked?.(letter)
      else hooks.deadLettered?.(letter)
    }
    return held === undefined ? true : Promise.all(letters.map((letter) => held.stored(letter, delivery))).then(() => true)
  }

  /** Until the store has them; the delivery stays in hand meanwhile, so that nothing is lost. */
  #store(store: IDeadLetterStore, letters: readonly DeadLetter[]): Promise<void> {
    const { clock, closing, logger } = this.#settings
    const stored = insist(() => store.add(letters), {
      clock,
      closing,
      report: (error) => logger.error('The dead-letter store can not be reached; waiting for it.', { error }),
    })
    return Promise.resolve(stored)
  }

  #acknowledge(delivery: Delivery): Awaitable<boolean> {
    return this.#settings.hooks.settled === undefined ? this.#guard(acknowledge, delivery) : this.#told('ack', acknowledge, delivery)
  }

  /** Settles, and tells who watches. */
  #told(operation: SettledEvent['operation'], settle: (delivery: Delivery) => Awaitable<boolean>, delivery: Delivery): Awaitable<boolean> {
    const { hooks, clock } = this.#settings
    if (hooks.settled === undefined) return this.#guard(settle, delivery)
    const began = clock.monotonic()
    const settled = this.#guard(settle, delivery)
    return isPromise(settled) ? this.#toldLater(operation, settled, delivery, began) : this.#tell(operation, settled, delivery, began)
  }

  #toldLater(operation: SettledEvent['operation'], settled: Promise<boolean>, delivery: Delivery, began: number): Promise<boolean> {
    return settled.then((inTime) => this.#tell(operation, inTime, delivery, began))
  }

  #tell(operation: SettledEvent['operation'], inTime: boolean, { message }: Delivery, began: number): boolean {
    const { hooks, clock, broker, group, broadcast } = this.#settings
    hooks.settled?.({ broker, message, group, broadcast, operation, inTime, durationMs: clock.monotonic() - began })
    return inTime
  }

  /** A settlement that could not be made is not repeated here: the broker hands the message out again. */
  #guard(settle: (delivery: Delivery) => Awaitable<boolean>, delivery: Delivery, otherwise = false): Awaitable<boolean> {
    try {
      const result = settle(delivery)
      return isPromise(result) ? this.#guardLater(result, otherwise) : result
    } catch (thrown) {
      return this.#unsettled(thrown, otherwise)
    }
  }

  #guardLater(result: Promise<boolean>, otherwise: boolean): Promise<boolean> {
    return result.catch((thrown: unknown) => this.#unsettled(thrown, otherwise))
  }

  #unsettled(thrown: unknown, otherwise: boolean): boolean {
    const { group, logger } = this.#settings
    logger.warn(`A message of group "${group}" could not be settled; the broker will hand it out again.`, { error: toError(thrown) })
    return otherwise
  }

  #settled(delivery: Delivery, inTime: Awaitable<boolean>): Awaitable<void> {
    if (isPromise(inTime)) return this.#settledLater(delivery, inTime)
    return inTime ? this.#owner.ended(delivery) : this.#owner.lost(delivery)
  }

  #settledLater(delivery: Delivery, inTime: Promise<boolean>): Promise<void> {
    const { group, logger } = this.#settings
    const pending = inTime.then(
      (settled) => (settled ? this.#owner.ended(delivery) : this.#owner.lost(delivery)),
      (thrown: unknown) => {
        logger.error(`A message of group "${group}" could not be settled.`, { error: toError(thrown) })
        this.#owner.ended(delivery)
      },
    )
    this.#pending.add(pending)
    void pending.finally(() => this.#pending.delete(pending))
    return pending
  }
}
