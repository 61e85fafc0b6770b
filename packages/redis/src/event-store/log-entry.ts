import { streamDeletedType, type WireMessage } from '@interline/core'

/** An entry of the global order, before its event is read. */
export interface LogEntry {
  readonly stream: string
  readonly version: number
  readonly position: string
  readonly recordedAt: number
  readonly type: string
  readonly aggregateType: string | undefined
  readonly tenantId: string | undefined
}

/** What the global order is filtered by, in one field: the type alone, or a JSON list of type, aggregate type and tenant. */
export function kindOf({ attributes }: WireMessage): string {
  const { type = '', aggregatetype, tenantid } = attributes
  if (aggregatetype === undefined && tenantid === undefined && !type.startsWith('[')) return type
  return JSON.stringify([type, aggregatetype ?? null, tenantid ?? null])
}

export function logEntryOf(id: string, fields: readonly string[]): LogEntry {
  const kind = fields[7] ?? ''
  const position = id.slice(0, id.indexOf('-'))
  const place = { stream: fields[1] ?? '', version: Number(fields[3]), position, recordedAt: Number(fields[5]) }
  if (!kind.startsWith('[')) return { ...place, type: kind, aggregateType: undefined, tenantId: undefined }
  const [type, aggregateType, tenantId] = JSON.parse(kind) as [string, string | null, string | null]
  return { ...place, type, aggregateType: aggregateType ?? undefined, tenantId: tenantId ?? undefined }
}

/** A place, as an index knows it. What that does not tell is asked of the event itself. */
export function logEntryAt(place: string): LogEntry {
  const first = place.indexOf(':')
  const second = place.indexOf(':', first + 1)
  return {
    stream: place.slice(second + 1),
    version: Number(place.slice(first + 1, second)),
    position: place.slice(0, first),
    recordedAt: Number.NEGATIVE_INFINITY,
    type: '',
    aggregateType: undefined,
    tenantId: undefined,
  }
}

export function isDeletion({ type }: LogEntry): boolean {
  return type === streamDeletedType
}
