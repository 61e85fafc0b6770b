import {
  type IStoredEvents,
  isInterlineError,
  type RecordedEvent,
  type StoreTransaction,
  toError,
  UnsupportedFeatureError,
} from '@interline/core'
import type { HandlerList } from './handler-list.js'
import type { ProjectionContext, ProjectionPlace } from './projection-options.js'

/** A place, given by its parts; `tx` is refused where there is no transaction. */
export function placeOf(target: string, generation: number, signal: AbortSignal, tx: StoreTransaction | undefined): ProjectionPlace {
  return {
    target,
    generation,
    signal,
    get tx(): StoreTransaction {
      if (tx !== undefined) return tx
      throw new UnsupportedFeatureError(
        'This projection has no transaction: its store has none, or transactional is false. Write by a client of your own, and expect an event twice after a crash.',
      )
    },
  }
}

/** An event that could not be handled, and why. */
export interface FailedEvent {
  readonly recorded: RecordedEvent
  readonly error: Error
  /** It can't be read, and trying again would change nothing. */
  readonly unreadable: boolean
}

export interface RanEvents {
  /** How many were handled, from the first on. */
  readonly done: number
  readonly failed: FailedEvent | undefined
}

export interface RunOptions {
  readonly place: ProjectionPlace
  readonly token: number
  readonly replayed: boolean
  /** Ends after the event at hand. */
  readonly ending: AbortSignal
}

/** Runs the handlers of events, in order, up to the first that fails. Rejects where it is not the event's fault: its store can't be reached. */
export async function runEvents(
  events: readonly RecordedEvent[],
  handlers: HandlerList,
  stored: IStoredEvents,
  { place, token, replayed, ending }: RunOptions,
): Promise<RanEvents> {
  let done = 0
  for (const recorded of events) {
    if (ending.aborted || place.signal.aborted) break
    let event: object
    try {
      event = await stored.eventOf(recorded)
    } catch (thrown) {
      return { done, failed: { recorded, error: toError(thrown), unreadable: true } }
    }
    const { stream, version, position, recordedAt } = recorded
    // The place itself stays, as its `tx` is looked at only by who wants it.
    const context: ProjectionContext = Object.create(place, fieldsOf({ token, replayed, stream, version, position, recordedAt }))
    try {
      await handlers.handle(recorded.message.attributes.type ?? '', event, context)
    } catch (thrown) {
      if (place.signal.aborted || isUnreachable(thrown)) throw thrown
      return { done, failed: { recorded, error: toError(thrown), unreadable: false } }
    }
    done++
  }
  return { done, failed: undefined }
}

/** A server that is down is no reason to give an event up. */
function isUnreachable(thrown: unknown): boolean {
  return isInterlineError(thrown) && thrown.code === 'INTERLINE_CONNECTION'
}

function fieldsOf(values: Readonly<Record<string, unknown>>): PropertyDescriptorMap {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value, enumerable: true }]))
}
