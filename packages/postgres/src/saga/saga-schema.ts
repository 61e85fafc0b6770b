import type { Migration } from '../database/migrate.js'
import { TableNames } from '../table-names.js'

/** What a saga store has in its schema. */
export class SagaNames extends TableNames {
  get sagas(): string {
    return this.named('')
  }
}

/**
 * Times are milliseconds since 1970 by the server's clock. `next_at` is when a saga may be claimed without an event; `number` its age.
 * `written_by` names the last write, so that one whose answer was lost is known for done.
 */
const tables = (names: SagaNames): string => `
CREATE TABLE ${names.sagas} (
  type text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  number bigint GENERATED ALWAYS AS IDENTITY,
  status text NOT NULL,
  revision bigint NOT NULL,
  due_at bigint,
  leased_until bigint NOT NULL,
  next_at bigint GENERATED ALWAYS AS (CASE WHEN due_at IS NOT NULL THEN greatest(due_at, leased_until) END) STORED,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  written_by text NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (type, id)
) WITH (fillfactor = 70);
CREATE INDEX ${names.index('next')} ON ${names.sagas} (type, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX ${names.index('status')} ON ${names.sagas} (status, number);
CREATE UNIQUE INDEX ${names.index('number')} ON ${names.sagas} (number);
`

export const sagaMigrations: readonly Migration<SagaNames>[] = [{ name: 'sagas', statements: tables }]
