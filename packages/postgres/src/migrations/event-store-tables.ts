import type { StoreNames } from '../store-names.js'

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
  position bigint PRIMARY KEY,
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
  bytes bytea
);
CREATE UNIQUE INDEX ${names.index('version')} ON ${names.events} (stream, version);
CREATE UNIQUE INDEX ${names.index('id')} ON ${names.events} (id);
CREATE INDEX ${names.index('type')} ON ${names.events} (type, position);
CREATE INDEX ${names.index('correlation')} ON ${names.events} (correlation_id, position) WHERE correlation_id IS NOT NULL;
CREATE INDEX ${names.index('tenant')} ON ${names.events} (tenant_id, position) WHERE tenant_id IS NOT NULL;
CREATE INDEX ${names.index('aggregate')} ON ${names.events} (aggregate_type, position) WHERE aggregate_type IS NOT NULL;
CREATE INDEX ${names.index('time')} ON ${names.events} USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize = on);
COMMENT ON COLUMN ${names.events}.recorded_at IS 'Milliseconds since 1970, by the clock of the server';
COMMENT ON COLUMN ${names.events}.correlation_id IS 'Null where it is the id of the event itself';

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
