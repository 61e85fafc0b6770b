import type { IEventBus } from 'interline'
import type { Deed } from '../events.js'

/** What is known of an activity that could not be handled. */
export interface Letter {
  readonly eventId: string
  readonly handler: string
  readonly attempts: number
  readonly error: { readonly message: string }
}

/** Where the activities go that a handler gave up on. */
export interface DeadLetterPlace extends AsyncDisposable {
  /** For a person. */
  readonly name: string
  /** For the handler that gives up. */
  readonly address: { readonly enabled: boolean; readonly exchange?: string; readonly routingKey?: string }
  letters(): Promise<readonly Letter[]>
  /** Has all that are there handled again. Answers how many. */
  redrive(): Promise<number>
}

/** Handles what died, where nobody else hands it back. */
export type Again = (deed: Deed) => Promise<void>

/** The place that a bus has of its own, where it can be looked at. */
export class OwnDeadLetters implements DeadLetterPlace {
  readonly name: string
  readonly address = { enabled: true }
  readonly #bus: IEventBus

  constructor(bus: IEventBus) {
    this.#bus = bus
    this.name = `the dead letters of ${bus.getBroker().name}`
  }

  async letters(): Promise<readonly Letter[]> {
    return (await this.#bus.deadLetters.list()).letters
  }

  async redrive(): Promise<number> {
    const count = await this.#bus.deadLetters.redrive({})
    await this.#bus.idle()
    return count
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** None is kept: an event that dies is told, and gone. */
export class NoDeadLetters implements DeadLetterPlace {
  readonly name = 'nowhere'
  readonly address = { enabled: false }

  async letters(): Promise<readonly Letter[]> {
    return []
  }

  async redrive(): Promise<number> {
    return 0
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
