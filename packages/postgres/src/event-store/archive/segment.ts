import type { Row } from '../../database/database.js'

/** A file of archived events, as the database knows it. */
export interface Segment {
  readonly first: number
  readonly last: number
  readonly file: string
  /** Streams that were deleted since the file was written, with their events still in it. */
  readonly deletions: number
}

export function segmentOf([first, last, file, deletions]: Row): Segment {
  return { first: Number(first), last: Number(last), file: String(file), deletions: Number(deletions) }
}
