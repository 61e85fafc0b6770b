import type { HandlerContext } from 'interline'
import { deliveryOf, type GithubEvent, kindOf } from '../events.js'
import type { Ledger } from '../ledger/ledger.js'
import { subjectOf } from '../payloads.js'
import { sentenceFor } from './sentences.js'

/** Attempts that the feed fails at for the one delivery it stumbles over. */
export const stumbles = 2

/** Who did what, and where: a line for everything that happens. */
export class ActivityFeed {
  readonly #ledger: Ledger
  readonly #stumblesOver: string | undefined

  constructor(ledger: Ledger, stumblesOver: string | undefined) {
    this.#ledger = ledger
    this.#stumblesOver = stumblesOver
  }

  readonly handle = async (event: GithubEvent, { handler, attempt }: HandlerContext): Promise<void> => {
    const delivery = deliveryOf(event)
    if (delivery === this.#stumblesOver && attempt <= stumbles) {
      throw new Error(`The feed's storage did not answer (attempt ${attempt}).`)
    }
    const { data } = event
    const who = data.sender?.login ?? 'GitHub'
    const line = `${who} ${sentenceFor(kindOf(event.type), data)} · ${subjectOf(data) ?? 'nowhere'}`
    await this.#ledger.record(handler, delivery, { list: 'feed', line })
  }
}
