import type { ReadAllOptions } from '@interline/core'
import { prepared, type Statement, textArray, type Value } from '../database/statement.js'

/** So many types are read by one way into the index each; more are looked for in the order of all. */
const maxWays = 16

/**
 * The statement that reads a page of all events: $1 the position after which, $2 the last one, $3 how many. Where a correlation id or a
 * few types are wanted, each has its own way into an index that is in order of position, and the ways are merged: so a page costs what it
 * holds, however many events there are and whatever the server knows of its tables.
 */
export class LogQuery {
  readonly statement: Statement
  readonly values: readonly Value[]

  /** `columns` of `table`, which is the one of events or has the same columns and indexes. */
  constructor(table: string, columns: string, options: ReadAllOptions) {
    const values: Value[] = []
    const parameter = (value: string, type: string): string => `$${values.push(value) + 3}::text::${type}`
    const { types, correlationId, tenantId, aggregateType, since, until } = options
    const all: string[] = []
    if (tenantId !== undefined) all.push(`tenant_id = ${parameter(tenantId, 'text')}`)
    if (aggregateType !== undefined) all.push(`aggregate_type = ${parameter(aggregateType, 'text')}`)
    if (since !== undefined) all.push(`recorded_at >= ${parameter(String(since.getTime()), 'bigint')}`)
    if (until !== undefined) all.push(`recorded_at < ${parameter(String(until.getTime()), 'bigint')}`)
    const ways: string[] = []
    if (correlationId !== undefined) {
      const id = parameter(correlationId, 'text')
      ways.push(`correlation_id = ${id}`, `id = ${id} AND correlation_id IS NULL`)
    } else if (types !== undefined && types.length <= maxWays) {
      for (const type of new Set(types)) ways.push(`type = ${parameter(type, 'text')}`)
    }
    if (types !== undefined && (correlationId !== undefined || types.length > maxWays)) {
      all.push(`type = ANY (${parameter(textArray(types), 'text[]')})`)
    }
    const select = (way: readonly string[]): string => {
      const conditions = ['position > $1::bigint', 'position <= $2::bigint', ...way, ...all]
      return `SELECT ${columns} FROM ${table} WHERE ${conditions.join(' AND ')} ORDER BY position LIMIT $3::bigint`
    }
    this.statement = prepared(
      ways.length < 2
        ? select(ways)
        : `SELECT * FROM (${ways.map((way) => `(${select([way])})`).join(' UNION ALL ')}) AS ways ORDER BY position LIMIT $3::bigint`,
    )
    this.values = values
  }
}
