import type { Migration } from '../../database/migrate.js'
import type { InboxNames } from '../inbox-names.js'

/** In order; the first is version 1. Statements end with `;` and an empty line. */
export const inboxMigrations: readonly Migration<InboxNames>[] = [
  {
    name: 'inbox',
    statements: (names) => `
CREATE TABLE ${names.handled} (
  consumer text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  handled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (consumer, key)
);

CREATE INDEX ${names.index('time')} ON ${names.handled} USING brin (handled_at) WITH (pages_per_range = 16, autosummarize = on);
`,
  },
]
