import { toError } from '../errors.js'
import type { Instrumentation } from '../ports/instrumentation.js'
import type { ILogger } from '../ports/logger.js'

const names = [
  'published',
  'publishFailed',
  'delivered',
  'handled',
  'retried',
  'deadLettered',
  'parked',
  'duplicate',
  'noSubscriber',
  'lost',
  'broker',
] as const satisfies readonly (keyof Instrumentation)[]

/** One instrumentation that tells all of them. A hook that nobody has stays unset, so that it costs nothing; one that throws harms nobody. */
export function combineHooks(instrumentations: readonly Instrumentation[], logger: ILogger): Instrumentation {
  const combined: Record<string, (event: never) => void> = {}
  for (const name of names) {
    const interested = instrumentations.filter((each) => each[name] !== undefined)
    if (interested.length === 0) continue
    combined[name] = (event) => {
      for (const each of interested) {
        try {
          each[name]?.(event)
        } catch (thrown) {
          logger.warn(`The instrumentation hook "${name}" failed.`, { error: toError(thrown) })
        }
      }
    }
  }
  return combined as Instrumentation
}
