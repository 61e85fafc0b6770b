import type { ExistingResult } from './existing-results.js'
import { AddressBook } from './handlers/analyst-alerts.js'
import { byMonth, symbol, type TradingMonth, tradingDays } from './market/trading-days.js'
import { leastCloses, riskOf } from './model/risk.js'

/** Results up to this year were there before there were events. */
const lastExistingYear = '2014'

export const analysts = ['ada', 'edsger', 'grace'] as const

/** Nobody wrote down where edsger is to be told of high risks. */
export class DeskBook extends AddressBook {
  readonly #addresses = new Map([
    ['ada', 'ada@luminary.example'],
    ['grace', 'grace@luminary.example'],
  ])

  addressOf(userId: string): string | undefined {
    return this.#addresses.get(userId)
  }
}

export interface Plan {
  readonly months: readonly TradingMonth[]
  /** As a batch job, which had no failures to tell of, once left them in a table. */
  readonly existing: readonly ExistingResult[]
  readonly toScore: readonly TradingMonth[]
}

export function planOfTheRun(): Plan {
  const months = byMonth(tradingDays())
  const exists = ({ month }: TradingMonth): boolean => month.slice(0, 4) <= lastExistingYear
  const existing = months.filter(exists).filter(({ days }) => days.length >= leastCloses)
  return { months, existing: existing.map(existingResult), toScore: months.filter((month) => !exists(month)) }
}

export function analystOf(index: number): string {
  return analysts[index % analysts.length] as string
}

export function resultIdOf(month: string): string {
  return `${symbol}-${month}`
}

function existingResult({ month, days }: TradingMonth, index: number): ExistingResult {
  return {
    id: resultIdOf(month),
    symbol,
    month,
    requested_by: analystOf(index),
    risk: riskOf(days.map(({ close }) => close)),
    created_at: new Date(`${days.at(-1)?.date}T22:00:00Z`),
  }
}
