import { type Abortable, type AnyEvent, type AppendResult, type IEventStore, storedEventsOf } from '@interline/core'
import { streamOfAggregate, trackingOf } from './tracking.js'

interface Saved {
  readonly id: string
  readonly aggregateType: string
}

/**
 * Appends an aggregate's changes where nobody else has appended since it was loaded. What is added meanwhile waits for the next save, and
 * so does a second save. `undefined` where there was nothing. Where it fails the changes are still there: the same save may be tried again.
 */
export function saveChanges(store: IEventStore, aggregate: Saved, { signal }: Abortable = {}): Promise<AppendResult | undefined> {
  const tracking = trackingOf(aggregate)
  const save = async (): Promise<AppendResult | undefined> => {
    const events: readonly AnyEvent[] = [...tracking.changes]
    if (events.length === 0) return undefined
    const { aggregateType, id: aggregateId } = aggregate
    const stream = streamOfAggregate(aggregateType, aggregateId)
    const result = await storedEventsOf(store).saveEvents(stream, events, tracking.committed, {
      metadata: { aggregateType, aggregateId },
      signal,
    })
    tracking.committed = result.version
    tracking.changes.splice(0, events.length)
    return result
  }
  const saved = tracking.saving.then(save, save)
  tracking.saving = saved
  return saved
}
