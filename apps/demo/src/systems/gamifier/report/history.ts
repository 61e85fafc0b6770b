import { type IStoredEvents, recordOf } from 'interline'
import { PointsEarned } from '../events.js'

/** What the event store tells, read from its beginning to its end. */
export interface History {
  /** Of players. */
  readonly events: number
  /** That were counted, each once. */
  readonly deeds: number
  /** Versions that are missing in a stream. */
  readonly gaps: readonly string[]
  /** Deeds that were counted again. */
  readonly repeated: readonly string[]
  /** Deeds of another correlation than their delivery. */
  readonly strayed: readonly string[]
  readonly kudosPoints: number
}

const batchSize = 200

export async function historyOf(store: Pick<IStoredEvents, 'getAllEvents'>): Promise<History> {
  const versions = new Map<string, number>()
  const seen = new Set<string>()
  const [gaps, repeated, strayed]: [string[], string[], string[]] = [[], [], []]
  let [events, kudosPoints] = [0, 0]
  let position = '0'
  for (let batch = await store.getAllEvents(position, batchSize); batch.length > 0; batch = await store.getAllEvents(position, batchSize)) {
    for (const event of batch) {
      const { stream = '', version = 0, position: at = position } = recordOf(event) ?? {}
      position = at
      if (version !== (versions.get(stream) ?? 0) + 1) gaps.push(`${stream} ${version}`)
      versions.set(stream, version)
      if (stream.startsWith('player:')) events++
      if (!(event instanceof PointsEarned)) continue
      const { delivery, kind, points } = event.data
      if (seen.has(delivery)) repeated.push(delivery)
      seen.add(delivery)
      if (kind === 'kudos') kudosPoints += points
      else if (event.correlationId !== delivery) strayed.push(delivery)
    }
  }
  return { events, deeds: seen.size, gaps, repeated, strayed, kudosPoints }
}
