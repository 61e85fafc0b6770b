import type { HandlerContext } from 'interline'
import { deliveryOf, type GithubEvent, kindOf } from '../events.js'
import type { Ledger } from '../ledger/ledger.js'

/** A projection: how much of what happened, in which repository, by whom. */
export class Statistics {
  readonly #ledger: Ledger

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  readonly handle = async (event: GithubEvent, { handler }: HandlerContext): Promise<void> => {
    const { repository, sender } = event.data
    const counts = [`kind ${kindOf(event.type)}`]
    if (repository !== undefined) counts.push(`repository ${repository.full_name}`)
    if (sender !== undefined) counts.push(`sender ${sender.login}`)
    await this.#ledger.record(handler, deliveryOf(event), { counts })
  }
}
