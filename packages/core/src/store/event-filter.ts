import type { ReadAllOptions } from '../ports/event-store.js'

/** What the filters of `readAll` look at. */
export interface Filtered {
  readonly type: string | undefined
  readonly correlationId: string | undefined
  readonly aggregateType: string | undefined
  readonly tenantId: string | undefined
  /** Milliseconds since 1970, by the store's clock. */
  readonly recordedAt: number
}

/** All filters must hold. `since` includes its moment, `until` does not; both are about when the store recorded the event. */
export function eventFilter(options: ReadAllOptions): (event: Filtered) => boolean {
  const { correlationId, aggregateType, tenantId } = options
  const types = options.types === undefined ? undefined : new Set(options.types)
  const since = options.since?.getTime() ?? Number.NEGATIVE_INFINITY
  const until = options.until?.getTime() ?? Number.POSITIVE_INFINITY
  return (event) =>
    (types === undefined || (event.type !== undefined && types.has(event.type))) &&
    (correlationId === undefined || event.correlationId === correlationId) &&
    (aggregateType === undefined || event.aggregateType === aggregateType) &&
    (tenantId === undefined || event.tenantId === tenantId) &&
    event.recordedAt >= since &&
    event.recordedAt < until
}

/** What a message's attributes say to the filters. */
export function filteredOf(attributes: Readonly<Record<string, string>>, recordedAt: number): Filtered {
  return {
    type: attributes.type,
    correlationId: attributes.correlationid,
    aggregateType: attributes.aggregatetype,
    tenantId: attributes.tenantid,
    recordedAt,
  }
}
