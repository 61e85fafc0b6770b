import type { Migration } from '../database/migrate.js'
import type { SnapshotNames } from './snapshot-names.js'

/** In order; the first is version 1. What is stored is compressed already. */
export const snapshotMigrations: readonly Migration<SnapshotNames>[] = [
  {
    name: 'snapshots',
    statements: (names) => `
CREATE TABLE ${names.snapshots} (
  stream text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  schema_version integer NOT NULL,
  event_id text NOT NULL,
  taken_at bigint NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (stream, version, schema_version)
);
ALTER TABLE ${names.snapshots} ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE INDEX ${names.index('taken')} ON ${names.snapshots} (taken_at);
COMMENT ON COLUMN ${names.snapshots}.taken_at IS 'Milliseconds since 1970, by the clock of who took it';
`,
  },
]
