import type { HandledEvent, Instrumentation, WireMessage } from 'interline'
import type { Ledger } from './ledger.js'

/** Tells the ledger what the bus reports of its own accord. */
export class BusWatch {
  readonly instrumentation: Instrumentation
  /** When each event was sent, finer than the milliseconds that an event itself carries. Only in the process that sends. */
  readonly #sentAt = new Map<string, number>()
  #accepted = 0

  constructor(ledger: Ledger) {
    this.instrumentation = {
      published: ({ messages }) => {
        // copies for the broadcasts of this process, and redriven events, have a target
        this.#accepted += messages.filter(({ target }) => target === undefined).length
      },
      handled: ({ message, handler, error }: HandledEvent) => {
        // a redriven event waited for a person
        if (error === undefined && !this.#redriven(message)) ledger.latency(handler, this.#ageOf(message))
      },
      retried: ({ message, handler, attempt }) => ledger.incident('retried', handler, `${nameOf(message)} ${attempt}`),
      duplicate: ({ message, handler }) => ledger.incident('duplicate', handler, nameOf(message)),
    }
  }

  /** Events that the broker has accepted. */
  get accepted(): number {
    return this.#accepted
  }

  sending(delivery: string): void {
    this.#sentAt.set(delivery, preciseNow())
  }

  #redriven({ target }: WireMessage): boolean {
    return target?.progress !== undefined
  }

  #ageOf(message: WireMessage): number {
    return preciseNow() - (this.#sentAt.get(nameOf(message)) ?? Date.parse(message.attributes.time ?? ''))
  }
}

function nameOf({ attributes }: WireMessage): string {
  return attributes.idempotencykey ?? attributes.id ?? ''
}

/** Milliseconds since 1970, with what the clock has below them. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now()
}
