import { toError } from '@interline/core'
import type { DatabaseLink } from './database/database-link.js'
import { plain } from './database/statement.js'
import type { TableNames } from './table-names.js'

const everyMs = 60_000
const mostRows = 5_000

/** Removes from a table what is past its time, some thousand rows at a time, now and then beside the calls that use it. */
export class Forgetting {
  readonly #link: DatabaseLink<TableNames>
  readonly #text: string
  #nextAt = performance.now() + Math.random() * everyMs
  #underWay: Promise<number> | undefined

  constructor(link: DatabaseLink<TableNames>, table: string) {
    this.#link = link
    this.#text = `WITH gone AS (
        DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE until < clock_timestamp() LIMIT ${mostRows})) RETURNING 1)
      SELECT count(*)::int AS gone FROM gone`
  }

  inTime(): void {
    if (performance.now() < this.#nextAt) return
    this.#nextAt = performance.now() + everyMs
    this.#underWay ??= this.now().finally(() => {
      this.#underWay = undefined
    })
    this.#underWay.catch((thrown: unknown) =>
      this.#link.logger.warn('What is past its time could not be removed; it is tried again later.', { error: toError(thrown).message }),
    )
  }

  /** Answers how many there were. */
  async now(): Promise<number> {
    for (let total = 0; ; ) {
      const [row] = await this.#link.write('remove what is past its time', (query) => query(plain(this.#text), []))
      const gone = Number(row?.[0])
      total += gone
      if (gone < mostRows) return total
    }
  }

  async ended(): Promise<void> {
    await this.#underWay?.catch(() => undefined)
  }
}
