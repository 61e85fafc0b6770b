/** With fewer closes the model gives no answer. */
export const leastCloses = 20

const tradingDaysOfAYear = 252

/** A window of closes that the model refuses: no other run of it would end differently. */
export class WindowTooShort extends Error {
  constructor(closes: number) {
    super(`The model needs ${leastCloses} closes, and the window has ${closes}.`)
  }
}

/**
 * The risk of a share over a window of daily closes, from 0 to 100: 100 · (1 − e^−(σ + 2d)). σ is the yearly volatility of the logarithmic
 * daily returns, d the deepest fall from a high before it, as a share of that high. To two decimals.
 */
export function riskOf(closes: readonly number[]): number {
  if (closes.length < leastCloses) throw new WindowTooShort(closes.length)
  const risk = 100 * (1 - Math.exp(-(yearlyVolatility(closes) + 2 * deepestFall(closes))))
  return Math.round(risk * 100) / 100
}

function yearlyVolatility(closes: readonly number[]): number {
  const returns = closes.slice(1).map((close, day) => Math.log(close / (closes[day] as number)))
  const mean = sum(returns) / returns.length
  const variance = sum(returns.map((each) => (each - mean) ** 2)) / (returns.length - 1)
  return Math.sqrt(tradingDaysOfAYear * variance)
}

function deepestFall(closes: readonly number[]): number {
  let high = 0
  let deepest = 0
  for (const close of closes) {
    high = Math.max(high, close)
    deepest = Math.max(deepest, 1 - close / high)
  }
  return deepest
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
