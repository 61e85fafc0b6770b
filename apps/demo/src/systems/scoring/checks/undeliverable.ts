import type { IEventStore, IStoredEvents } from 'interline'
import { AIResultCompleted } from '../events.js'
import { alertFrom } from '../handlers/analyst-alerts.js'
import { DeskBook } from '../plan.js'
import { recomputedRisk } from './recomputed.js'

/** Ids of the events by which somebody without an address should be told of a high risk. */
export async function undeliverable(store: IEventStore & IStoredEvents): Promise<readonly string[]> {
  const book = new DeskBook()
  const ids: string[] = []
  for await (const recorded of store.readAll({ types: [AIResultCompleted.type] })) {
    const { data, metadata } = (await store.eventOf(recorded)) as ReturnType<typeof AIResultCompleted>
    const isHigh = (recomputedRisk(data.month) ?? 0) >= alertFrom
    if (recorded.forward && isHigh && book.addressOf(data.requestedBy) === undefined) ids.push(metadata.eventId)
  }
  return ids
}
