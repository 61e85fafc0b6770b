import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const file = createRequire(import.meta.url).resolve('@observablehq/sample-datasets/aapl.csv')

/**
 * The model's answer for a month, computed again and in another way: from the file's text, with the variance by the mean of squares, and
 * the deepest fall by comparing every two days. `undefined` where the month is too short.
 */
export function recomputedRisk(month: string): number | undefined {
  const closes = [...readFileSync(file, 'utf8').matchAll(new RegExp(`^${month}-\\d\\d,(?:[^,]*,){3}([^,]*),`, 'gm'))].map(([, close]) =>
    Number(close),
  )
  if (closes.length < 20) return undefined
  const logs = closes.map(Math.log)
  let once = 0
  let squares = 0
  for (let day = 1; day < logs.length; day++) {
    const change = (logs[day] as number) - (logs[day - 1] as number)
    once += change
    squares += change * change
  }
  const count = logs.length - 1
  const volatility = Math.sqrt((252 * (squares - (once * once) / count)) / (count - 1))
  const falls = closes.flatMap((high, day) => closes.slice(day).map((low) => (high - low) / high))
  return Number((100 - 100 / Math.exp(volatility + 2 * Math.max(...falls))).toFixed(2))
}
