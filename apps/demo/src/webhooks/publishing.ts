import type { IEventBus } from 'interline'
import { tickerName } from './handlers/subscriptions.js'
import { handlersOf, type Plan, type Planned } from './plan.js'

/** What has been published so far, and so what the handlers owe. */
export interface Sent {
  /** By GitHub's name for the delivery. */
  readonly deliveries: ReadonlyMap<string, Planned>
  /** Sent a second time. */
  readonly twice: readonly Planned[]
  /** Handler to how many deliveries it has to handle. */
  readonly owed: ReadonlyMap<string, number>
  /** Handler to how many second sendings it has to drop. */
  readonly owedDuplicates: ReadonlyMap<string, number>
}

export interface PublishingOptions {
  readonly bus: Pick<IEventBus, 'publish'>
  readonly plan: Plan
  /** How many publish at the same time. */
  readonly publishers: number
  /** Ends the run early; what was published is still handled. */
  readonly signal: AbortSignal
  readonly sending: (delivery: string) => void
  /** Whether a store takes the events, which keeps the same event once. */
  readonly stored: boolean
  /** Resolves when there is room for another event. */
  readonly room: () => void | Promise<void>
}

/** Publishes the plan, as fast as there is room. */
export class Publishing implements Sent {
  readonly deliveries = new Map<string, Planned>()
  readonly twice: Planned[] = []
  readonly owed = new Map<string, number>()
  readonly owedDuplicates = new Map<string, number>()
  #next = 0

  /** Several publishers take turns, as many requests at a web server would; what they publish together goes out as one batch. */
  async run(options: PublishingOptions): Promise<void> {
    await Promise.all(Array.from({ length: options.publishers }, () => this.#publishMany(options)))
  }

  async #publishMany({ bus, plan, stored, signal, sending, room }: PublishingOptions): Promise<void> {
    while (this.#next < plan.size && !signal.aborted) {
      const planned = plan.at(this.#next++)
      this.#note(planned, stored)
      sending(planned.delivery)
      const sends = planned.twice === 'same event' ? [planned.event, planned.event] : [planned.event]
      await Promise.all(sends.map((event) => bus.publish(event)))
      if (planned.twice === 'redelivered') await bus.publish(plan.again(planned))
      await room()
    }
  }

  #note(planned: Planned, stored: boolean): void {
    this.deliveries.set(planned.delivery, planned)
    if (planned.twice !== undefined) this.twice.push(planned)
    for (const handler of handlersOf(planned.kind)) {
      raise(this.owed, handler)
      if (arrivesTwice(planned, handler, stored)) raise(this.owedDuplicates, handler)
    }
  }
}

/** What a store has already is not published again; only what this process is told at once comes a second time. */
function arrivesTwice({ twice }: Planned, handler: string, stored: boolean): boolean {
  return twice === 'redelivered' || (twice === 'same event' && (!stored || handler === tickerName))
}

function raise(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
