import type { StoreNames } from '../store-names.js'

/** A partitioned table can't have these; each of its partitions has them. */
const uniqueIndexes = (names: StoreNames): string => `
CREATE UNIQUE INDEX ${names.index('version')} ON ${names.events} (stream, version);
CREATE UNIQUE INDEX ${names.index('id')} ON ${names.events} (id);`

/**
 * Tables of the event store. `data` is text and not jsonb: what was appended comes back byte by byte, and jsonb refuses `\u0000`, orders
 * keys and rounds numbers. Text that UTF-8 or PostgreSQL can't hold is kept as bytes. A deletion's record stands in the order of all
 * under a negative version, where no reader of its stream finds it; `head` then holds the version at which the stream was deleted.
 */
export const eventStoreTables = (names: StoreNames): string => `
CREATE SEQUENCE ${names.position} AS bigint MINVALUE 0 START WITH 0 NO CYCLE;
SELECT nextval('${names.position}');

CREATE TABLE ${names.streams} (
  stream text COLLATE "C" PRIMARY KEY,
  version bigint NOT NULL,
  before bigint NOT NULL DEFAULT 0,
  deleted boolean NOT NULL DEFAULT false,
  deletion text
) WITH (fillfactor = 70);

CREATE TABLE ${names.events} (
  position bigint NOT NULL,
  stream text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  recorded_at bigint NOT NULL,
  forward boolean NOT NULL,
  id text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  correlation_id text COLLATE "C",
  tenant_id text COLLATE "C",
  aggregate_type text COLLATE "C",
  head text NOT NULL,
  data text,
  bytes bytea,
  PRIMARY KEY (position${names.partition === undefined ? '' : ', recorded_at'})
)${names.partition === undefined ? '' : ' PARTITION BY RANGE (recorded_at)'};
${names.partition === undefined ? uniqueIndexes(names) : ''}
CREATE INDEX ${names.index('type')} ON ${names.events} (type, position);
CREATE INDEX ${names.index('correlation')} ON ${names.events} (correlation_id, position) WHERE correlation_id IS NOT NULL;
CREATE INDEX ${names.index('tenant')} ON ${names.events} (tenant_id, position) WHERE tenant_id IS NOT NULL;
CREATE INDEX ${names.index('aggregate')} ON ${names.events} (aggregate_type, position) WHERE aggregate_type IS NOT NULL;
CREATE INDEX ${names.index('time')} ON ${names.events} USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize = on);
COMMENT ON COLUMN ${names.events}.recorded_at IS 'Milliseconds since 1970, by the clock of the server';
COMMENT ON COLUMN ${names.events}.correlation_id IS 'Null where it is the id of the event itself';

CREATE TABLE ${names.archive} (LIKE ${names.events}, PRIMARY KEY (position));
CREATE INDEX ${names.index('archive_version')} ON ${names.archive} (stream, version);
CREATE INDEX ${names.index('archive_id')} ON ${names.archive} (id);
CREATE INDEX ${names.index('archive_type')} ON ${names.archive} (type, position);
CREATE INDEX ${names.index('archive_correlation')} ON ${names.archive} (correlation_id, position) WHERE correlation_id IS NOT NULL;
CREATE TABLE ${names.archived} (one boolean PRIMARY KEY DEFAULT true CHECK (one), position bigint NOT NULL) WITH (fillfactor = 70);
INSERT INTO ${names.archived} (position) VALUES (0);
COMMENT ON TABLE ${names.archived} IS 'Up to this position no event is in the table of events: all are in the archive, or gone';

CREATE TABLE ${names.segments} (
  first bigint PRIMARY KEY,
  last bigint NOT NULL,
  file text NOT NULL,
  events integer NOT NULL,
  oldest_at bigint NOT NULL,
  newest_at bigint NOT NULL,
  deletions integer NOT NULL DEFAULT 0
);
COMMENT ON COLUMN ${names.segments}.deletions IS 'Streams deleted since the file was written, whose events are still in it';
CREATE TABLE ${names.segmentStreams} (
  stream text COLLATE "C" NOT NULL,
  first bigint NOT NULL REFERENCES ${names.segments} ON DELETE CASCADE,
  from_version bigint NOT NULL,
  to_version bigint NOT NULL,
  PRIMARY KEY (stream, first)
);
CREATE INDEX ${names.index('segment_streams_first')} ON ${names.segmentStreams} (first);

CREATE TABLE ${names.checkpoints} (
  name text COLLATE "C" PRIMARY KEY,
  position text NOT NULL,
  saved_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 70);

CREATE TABLE ${names.leases} (
  name text COLLATE "C" PRIMARY KEY,
  owner text NOT NULL,
  token bigint NOT NULL,
  ends_at timestamptz NOT NULL
) WITH (fillfactor = 70);
`
