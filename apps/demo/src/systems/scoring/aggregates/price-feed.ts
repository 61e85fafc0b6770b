import { defineAggregate } from '@interline/domain'
import { PriceFeedUpdated } from '../events.js'
import { monthOf, type TradingDay } from '../market/trading-days.js'

export interface PriceFeedState {
  readonly days: number
  readonly last: TradingDay | undefined
  readonly high: number
  /** The closes of the month that the last day is in. */
  readonly monthCloses: readonly number[]
}

/** The prices of one share, a day after the other. Its stream is long: what is loaded of it begins with a snapshot. */
export const PriceFeed = defineAggregate('price-feed', {
  events: [PriceFeedUpdated],
  initial: { days: 0, last: undefined, high: 0, monthCloses: [] } as PriceFeedState,
  evolve: ({ days, last, high, monthCloses }, { data: { date, close } }): PriceFeedState => ({
    days: days + 1,
    last: { date, close },
    high: Math.max(high, close),
    monthCloses: last !== undefined && monthOf(last.date) === monthOf(date) ? [...monthCloses, close] : [close],
  }),
  /** Days that are known already are passed over. */
  decide: (days: readonly TradingDay[], { last }) =>
    days.filter(({ date }) => last === undefined || date > last.date).map((day) => PriceFeedUpdated(day)),
})
