import type { DeadLetter, IEventBus } from 'interline'
import type { Consumers } from './consumers.js'
import { strangeSeverity } from './plan.js'

/** What became of the events that a handler gave up on. */
export interface DeadLetterStory {
  readonly found: readonly DeadLetter[]
  readonly redriven: number
}

/** Looks why events died, mends the cause, and hands the events back to the handler that gave them up. */
export async function redriveDeadLetters(bus: IEventBus, consumers: Consumers): Promise<DeadLetterStory> {
  const { letters } = await bus.deadLetters.list()
  if (letters.length === 0) return { found: [], redriven: 0 }
  await consumers.learn(strangeSeverity, 'critical')
  return { found: letters, redriven: await bus.deadLetters.redrive({ handler: 'security-audit' }) }
}
