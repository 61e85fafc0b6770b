import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

export const symbol = 'AAPL'

/** One day of a share, as the exchange told it. */
export interface TradingDay {
  /** `2015-08-24`. */
  readonly date: string
  readonly close: number
}

/** A month's days, oldest first. */
export interface TradingMonth {
  /** `2015-08`. */
  readonly month: string
  readonly days: readonly TradingDay[]
}

const file = createRequire(import.meta.url).resolve('@observablehq/sample-datasets/aapl.csv')

/** Five real years of Apple's share, from 2013-05-13 to 2018-05-11. */
export function tradingDays(): readonly TradingDay[] {
  const [head = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
  const close = head.split(',').indexOf('Close')
  return lines.map((line) => {
    const fields = line.split(',')
    return { date: fields[0] ?? '', close: Number(fields[close]) }
  })
}

export function byMonth(days: readonly TradingDay[]): readonly TradingMonth[] {
  const months = new Map<string, TradingDay[]>()
  for (const day of days) {
    const month = monthOf(day.date)
    const known = months.get(month)
    if (known === undefined) months.set(month, [day])
    else known.push(day)
  }
  return [...months].map(([month, each]) => ({ month, days: each }))
}

export function monthOf(date: string): string {
  return date.slice(0, 7)
}
