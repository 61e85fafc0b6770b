import type { StoreNames } from '../store-names.js'

/**
 * Makes the partition for a moment, where there is none, with what lies of its time among the others; drops what has long been empty.
 * Partitions begin at midnight, on Mondays or on firsts of months, of UTC. Times are milliseconds since 1970.
 *
 * The unique indexes are each partition's own: an index over all of them would have to contain the time.
 */
export const partitionFunction = (names: StoreNames): string => {
  const { partition, events, others, quotedSchema, table } = names
  if (partition === undefined) return ''
  const milliseconds = (moment: string): string => `(extract(epoch FROM ${moment}) * 1000)::bigint`
  return `
COMMENT ON TABLE ${events} IS 'interline: partition by ${partition}';
CREATE TABLE ${others} PARTITION OF ${events} DEFAULT;
CREATE UNIQUE INDEX ${names.index('others_version')} ON ${others} (stream, version);
CREATE UNIQUE INDEX ${names.index('others_id')} ON ${others} (id);

CREATE FUNCTION ${names.makePartition}(p_at bigint)
RETURNS boolean
LANGUAGE plpgsql AS $interline$
DECLARE
  v_from timestamp := date_trunc('${partition}', to_timestamp(p_at / 1000.0) AT TIME ZONE 'UTC');
  v_first bigint := ${milliseconds('v_from')};
  v_last bigint := ${milliseconds(`(v_from + interval '1 ${partition}')`)};
  v_name text := '${table}_p' || to_char(v_from, 'YYYYMMDD');
BEGIN
  IF EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '${names.schema}' AND c.relname = v_name) THEN
    RETURN false;
  END IF;
  -- Where events may have to move, nobody is under way: an append that had already found its place among the others would be refused there,
  -- and a reader that had already seen which partitions there are would look for what was moved among the others alone.
  IF v_first <= ${milliseconds('clock_timestamp()')} OR EXISTS (SELECT FROM ${others} WHERE recorded_at >= v_first) THEN
    LOCK TABLE ONLY ${events} IN ACCESS EXCLUSIVE MODE;
  END IF;
  LOCK TABLE ${others} IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('CREATE TABLE ${quotedSchema}.%I (LIKE ${events})', v_name);
  EXECUTE format('CREATE UNIQUE INDEX %I ON ${quotedSchema}.%I (stream, version)', v_name || '_version', v_name);
  EXECUTE format('CREATE UNIQUE INDEX %I ON ${quotedSchema}.%I (id)', v_name || '_id', v_name);
  EXECUTE format('WITH moved AS (DELETE FROM ${others} WHERE recorded_at >= $1 AND recorded_at < $2 RETURNING *)
    INSERT INTO ${quotedSchema}.%I SELECT * FROM moved', v_name) USING v_first, v_last;
  EXECUTE format('ALTER TABLE ${events} ATTACH PARTITION ${quotedSchema}.%I FOR VALUES FROM (%s) TO (%s)', v_name, v_first, v_last);
  RETURN true;
END $interline$;
SELECT ${names.makePartition}(${milliseconds('clock_timestamp()')});
`
}
