import { Inject, Injectable } from '@nestjs/common'
import { EventHandler, type EventOf } from 'interline'
import { AIResultCompleted } from '../events.js'

/** From this risk on, who asked for a scoring is told. */
export const alertFrom = 30

export abstract class AddressBook {
  /** Where somebody can be told something. */
  abstract addressOf(userId: string): string | undefined
}

/** Tells analysts of high risks. One whose address nobody knows can't be told, however often it is tried. */
@Injectable()
@EventHandler(AIResultCompleted, { name: 'analyst-alerts' })
export class AnalystAlerts {
  readonly #book: AddressBook
  /** Results that somebody was told of, by address. */
  readonly sent = new Map<string, Set<string>>()

  constructor(@Inject(AddressBook) book: AddressBook) {
    this.#book = book
  }

  handle({ data, metadata }: EventOf<typeof AIResultCompleted>): void {
    if (data.risk < alertFrom) return
    const address = this.#book.addressOf(data.requestedBy)
    if (address === undefined) throw new Error(`There is no address of ${data.requestedBy}.`)
    const told = this.sent.get(address) ?? new Set()
    this.sent.set(address, told.add(metadata.aggregateId ?? ''))
  }
}
