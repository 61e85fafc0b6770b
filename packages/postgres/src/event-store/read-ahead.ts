import { PageSize } from '@interline/core'
import type { Row } from '../database/database.js'
import { rowSize } from './stored-row.js'

export interface ReadAhead<Place> {
  readonly first: Place
  /** How many rows in all. */
  readonly limit: number
  readonly fetch: (from: Place, count: number) => Promise<readonly Row[]>
  /** Where the page after this row begins. */
  readonly after: (row: Row) => Place
}

/** Page after page, each asked for while the one before it is taken in: two of them, of some megabytes each, are in memory at most. */
export async function* readAhead<Place>({ first, limit, fetch, after }: ReadAhead<Place>): AsyncGenerator<readonly Row[], void, undefined> {
  const page = new PageSize(100)
  let left = limit
  let count = Math.min(page.size, left)
  let pending = fetch(first, count)
  for (;;) {
    const rows = await pending
    const last = rows.at(-1)
    left -= rows.length
    page.saw(
      rows.length,
      rows.reduce((sum, row) => sum + rowSize(row), 0),
    )
    const more = last !== undefined && rows.length === count && left > 0
    if (more) {
      count = Math.min(page.size, left)
      pending = fetch(after(last), count)
      // A reader that leaves early never asks what became of it.
      pending.catch(() => undefined)
    }
    yield rows
    if (!more) return
  }
}
