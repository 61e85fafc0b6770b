import { prepared, type Statement } from '../database/statement.js'
import type { SagaNames } from './saga-schema.js'

const now = `floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint`
const columns = ['type', 'id', 'status', 'revision', 'due_at', 'created_at', 'updated_at', 'body'].map((name) => `s.${name}`).join(', ')

/** Every answer has the record, the server's time, whether a lease had lapsed, from when it could be claimed, and its number. */
export class SagaStatements {
  readonly create: Statement
  readonly load: Statement
  readonly written: Statement
  readonly claim: Statement
  readonly claimDue: Statement
  readonly next: Statement
  readonly save: Statement
  readonly renew: Statement
  readonly list: Statement
  readonly count: Statement
  readonly removeEnded: Statement

  constructor({ sagas }: SagaNames) {
    const answer = `${columns}, ${now}, false, s.next_at, s.number`
    const fits = '($1::text IS NULL OR s.type = $1::text) AND ($2::text IS NULL OR s.status = $2::text)'
    this.create = prepared(
      `INSERT INTO ${sagas} AS s (type, id, status, revision, due_at, leased_until, created_at, updated_at, written_by, body)
       SELECT $1::text, $2::text, $3::text, 1, $4::bigint, t.now + $5::bigint, t.now, t.now, $6::text, $7::text FROM (SELECT ${now} AS now) t
       ON CONFLICT DO NOTHING RETURNING ${answer}`,
    )
    this.load = prepared(`SELECT ${answer} FROM ${sagas} s WHERE s.type = $1::text AND s.id = $2::text`)
    this.written = prepared(`SELECT ${answer} FROM ${sagas} s WHERE s.type = $1::text AND s.id = $2::text AND s.written_by = $3::text`)
    this.claim = prepared(
      `WITH old AS (SELECT o.type, o.id, o.leased_until FROM ${sagas} o
         WHERE o.type = $1::text AND o.id = $2::text AND o.leased_until <= ${now} FOR UPDATE)
       UPDATE ${sagas} s SET revision = s.revision + 1, leased_until = ${now} + $3::bigint, written_by = $4::text
       FROM old WHERE s.type = old.type AND s.id = old.id
       RETURNING ${columns}, ${now}, old.leased_until > 0, s.next_at, s.number`,
    )
    this.claimDue = prepared(
      `WITH old AS (SELECT o.type, o.id, o.leased_until, o.next_at FROM ${sagas} o
         WHERE o.type = ANY ($1::text[]) AND o.next_at <= ${now} ORDER BY o.next_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED)
       UPDATE ${sagas} s SET revision = s.revision + 1, leased_until = ${now} + $3::bigint, written_by = $4::text
       FROM old WHERE s.type = old.type AND s.id = old.id
       RETURNING ${columns}, ${now}, old.leased_until > 0, old.next_at, s.number`,
    )
    this.next = prepared(
      `SELECT min(n.next_at) - ${now} FROM unnest($1::text[]) AS t (type)
       CROSS JOIN LATERAL (SELECT s.next_at FROM ${sagas} s WHERE s.type = t.type AND s.next_at IS NOT NULL ORDER BY s.next_at LIMIT 1) n`,
    )
    this.save = prepared(
      `UPDATE ${sagas} s SET status = $4::text, due_at = $5::bigint, body = $8::text, revision = s.revision + 1, updated_at = ${now},
         leased_until = CASE WHEN $6::bigint IS NULL THEN 0 ELSE ${now} + $6::bigint END, written_by = $7::text
       WHERE s.type = $1::text AND s.id = $2::text AND s.revision = $3::bigint RETURNING ${answer}`,
    )
    this.renew = prepared(
      `UPDATE ${sagas} s SET leased_until = ${now} + $4::bigint
       WHERE s.type = $1::text AND s.id = $2::text AND s.revision = $3::bigint RETURNING 1`,
    )
    this.list = prepared(`SELECT ${answer} FROM ${sagas} s WHERE ${fits} AND s.number > $3::bigint ORDER BY s.number LIMIT $4::bigint`)
    this.count = prepared(`SELECT count(*) FROM ${sagas} s WHERE ${fits}`)
    this.removeEnded = prepared(
      `WITH gone AS (DELETE FROM ${sagas} s WHERE s.status IN ('completed', 'compensated') AND s.updated_at < $1::bigint RETURNING 1)
       SELECT count(*) FROM gone`,
    )
  }
}
