import type { Display } from '../display.js'
import { type Check, check, checkLine, problemsOf } from '../report/check.js'
import { milliseconds, titled } from '../report/section.js'
import { systemNamed } from './catalogue.js'
import { DemoWorld, type Wishes } from './demo-world.js'

/** What came of one system. */
export interface SystemOutcome {
  readonly name: string
  readonly title: string
  readonly figures: Readonly<Record<string, number | string>>
  readonly checks: readonly Check[]
  readonly durationMs: number
}

/** What `--json` prints of it. */
export interface SystemFigures {
  readonly name: string
  readonly figures: Readonly<Record<string, number | string>>
  readonly durationMs: number
  readonly problems: readonly string[]
}

/** A system that throws has one check, which does not hold. */
export async function runSystem(name: string, wishes: Wishes, display: Display, interrupted: AbortSignal): Promise<SystemOutcome> {
  const system = await systemNamed(name)
  const began = performance.now()
  const ended = async (): Promise<Pick<SystemOutcome, 'figures' | 'checks'>> => {
    try {
      await using world = new DemoWorld(wishes, display.say, interrupted)
      return await system.run(world)
    } catch (thrown) {
      return { figures: {}, checks: [check('it runs to its end', false, thrown instanceof Error ? thrown.message : String(thrown))] }
    }
  }
  return { name, title: system.title, ...(await ended()), durationMs: performance.now() - began }
}

export function figuresOf({ name, figures, checks, durationMs }: SystemOutcome): SystemFigures {
  return { name, figures, durationMs: Math.round(durationMs), problems: problemsOf(checks) }
}

export function renderSystem({ name, title, figures, checks, durationMs }: SystemOutcome, paint: Display['paint']): string {
  const told = Object.entries(figures).map(([what, value]) => `${what} ${typeof value === 'number' ? value.toLocaleString('en') : value}`)
  return titled(
    `${name}: ${title} (${milliseconds(durationMs)})`,
    [...(told.length > 0 ? [told.join(', ')] : []), ...checks.map((each) => checkLine(each, paint))],
    paint,
  )
}
