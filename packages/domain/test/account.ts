import { DomainEvent, defineEvent, staticSchema } from '@interline/core'
import { defineAggregate, EventSourcedAggregate } from '@interline/domain'

export const Opened = defineEvent('domain.AccountOpened', { schema: staticSchema<{ owner: string }>() })
export const Deposited = defineEvent('domain.Deposited', { schema: staticSchema<{ amount: number }>() })

/** An account of functions. */
export const Account = defineAggregate('account', {
  events: [Opened, Deposited],
  initial: { owner: '', balance: 0, deposits: 0 },
  evolve: (state, event) =>
    event.type === 'domain.AccountOpened'
      ? { ...state, owner: event.data.owner }
      : { ...state, balance: state.balance + event.data.amount, deposits: state.deposits + 1 },
})

export class MoneyMoved extends DomainEvent {
  static readonly eventType = 'domain.MoneyMoved'
  readonly eventType = 'domain.MoneyMoved'

  constructor(readonly amount: number) {
    super()
  }
}

/** The same as a class, whose events are of a class, too. */
export class Wallet extends EventSourcedAggregate<MoneyMoved> {
  static readonly aggregateType = 'wallet'
  static readonly events = [MoneyMoved]
  #balance = 0

  get balance(): number {
    return this.#balance
  }

  move(amount: number): void {
    if (this.#balance + amount < 0) throw new RangeError('There is not enough.')
    this.addEvent(new MoneyMoved(amount))
  }

  apply(event: MoneyMoved): void {
    if (!(event instanceof MoneyMoved)) throw new TypeError('not one of its events')
    this.#balance += event.amount
  }

  override toSnapshot(): unknown {
    return { balance: this.#balance }
  }

  override fromSnapshot(state: unknown): void {
    const { balance } = state as { balance: unknown }
    if (typeof balance !== 'number') throw new TypeError('The balance is no number.')
    this.#balance = balance
  }
}
