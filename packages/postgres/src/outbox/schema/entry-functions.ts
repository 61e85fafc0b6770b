import { entryState } from '../entry-state.js'
import type { OutboxNames } from '../outbox-names.js'
import { sentSlots } from './tables.js'

/**
 * Statements by the key whatever the server knows of its tables, which is nothing where they were never analysed: a queue is empty when
 * it is analysed, or was.
 */
const byKey =
  'SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off'

const fields = `e.state, e.partition, e.id, e.destination, e.key, e.event_id, e.type, e.correlation_id, e.head, e.data, e.bytes, e.attempts,
      (extract(epoch FROM clock_timestamp() - e.created_at) * 1000)::float8`

const returned = `TABLE (state smallint, partition smallint, id bigint, destination text, key text, event_id text, type text, correlation_id text,
  head text, data text, bytes bytea, attempts integer, age_ms float8`

/**
 * The next ready entries of these partitions, each after an id, without those in hand (in ascending order), in the order of each partition;
 * bounded also by their size. The first one has the snapshot in which they were seen.
 */
const takeFunction = (names: OutboxNames): string => `
CREATE FUNCTION ${names.take}(p_partitions smallint[], p_after bigint[], p_hand bigint[], p_limit integer, p_bytes bigint)
RETURNS ${returned}, snapshot text)
LANGUAGE plpgsql ${byKey} AS $interline$
BEGIN
  RETURN QUERY SELECT ${fields}, CASE WHEN e.number = 1 THEN pg_current_snapshot()::text END
    FROM (
      SELECT n.*, row_number() OVER (ROWS UNBOUNDED PRECEDING) AS number, sum(coalesce(octet_length(n.data), 0) + coalesce(octet_length(n.bytes), 0)) OVER (ROWS UNBOUNDED PRECEDING)
        - coalesce(octet_length(n.data), 0) - coalesce(octet_length(n.bytes), 0) AS before
      FROM unnest(p_partitions, p_after) AS p (partition, after)
      CROSS JOIN LATERAL (
        SELECT * FROM ${names.entries} r WHERE r.state = ${entryState.ready} AND r.partition = p.partition AND r.id > p.after
          AND p_hand[width_bucket(r.id, p_hand)] IS DISTINCT FROM r.id
        ORDER BY r.state, r.partition, r.id LIMIT p_limit) n
      LIMIT p_limit) e
    WHERE e.before < p_bytes;
END $interline$;
`

/**
 * What is tried where a key or a destination waits: the failed entry itself; of a destination, also the first one of the key that came
 * last, so that one event which nobody can take is not taken for a destination that is gone. A key that waits for an earlier one of its own
 * is left alone.
 */
const probeFunction = (names: OutboxNames): string => `
CREATE FUNCTION ${names.probe}(p_partition smallint, p_id bigint)
RETURNS ${returned})
LANGUAGE plpgsql ${byKey} AS $interline$
DECLARE
  v_head ${names.entries}%ROWTYPE;
  v_last ${names.entries}%ROWTYPE;
BEGIN
  SELECT * INTO v_head FROM ${names.entries} e WHERE e.state = ${entryState.failed} AND e.partition = p_partition AND e.id = p_id;
  IF v_head.whole THEN
    SELECT * INTO v_last FROM ${names.entries} e WHERE e.state = ${entryState.behind} AND e.partition = p_partition
      AND e.destination = v_head.destination AND e.whole AND (e.key IS NULL OR e.key IS DISTINCT FROM v_head.key)
      AND NOT EXISTS (SELECT FROM ${names.entries} f WHERE f.state = ${entryState.failed} AND f.partition = p_partition
        AND f.destination = e.destination AND f.key = e.key AND NOT f.whole)
      ORDER BY e.id DESC LIMIT 1;
    IF v_last.key IS NOT NULL THEN
      SELECT * INTO v_last FROM ${names.entries} e WHERE e.state = ${entryState.behind} AND e.partition = p_partition
        AND e.destination = v_head.destination AND e.whole AND e.key = v_last.key ORDER BY e.id LIMIT 1;
    END IF;
  END IF;
  RETURN QUERY SELECT ${fields} FROM ${names.entries} e
    WHERE e.partition = p_partition AND ((e.state = ${entryState.failed} AND e.id = p_id) OR (e.state = ${entryState.behind} AND e.id = v_last.id))
    ORDER BY e.state;
END $interline$;
`

/** Takes what was published out, and keeps it beside where it is to be kept. Answers the number of its transaction. */
const completeFunction = (names: OutboxNames): string => `
CREATE FUNCTION ${names.complete}(p_states smallint[], p_partitions smallint[], p_ids bigint[], p_keep_ms bigint)
RETURNS xid8
LANGUAGE plpgsql ${byKey} AS $interline$
DECLARE
  v_slot smallint;
BEGIN
  IF p_keep_ms = 0 THEN
    DELETE FROM ${names.entries} e USING unnest(p_states, p_partitions, p_ids) AS d (state, partition, id)
      WHERE e.state = d.state AND e.partition = d.partition AND e.id = d.id;
  ELSE
    v_slot := ${names.rotate}(p_keep_ms);
    WITH done AS (
      DELETE FROM ${names.entries} e USING unnest(p_states, p_partitions, p_ids) AS d (state, partition, id)
        WHERE e.state = d.state AND e.partition = d.partition AND e.id = d.id
        RETURNING e.partition, e.id, e.destination, e.key, e.event_id, e.type, e.correlation_id, e.created_at, e.head, e.data, e.bytes)
    INSERT INTO ${names.sent} (slot, sent_at, partition, id, destination, key, event_id, type, correlation_id, created_at, head, data, bytes)
      SELECT v_slot, clock_timestamp(), done.* FROM done;
  END IF;
  RETURN pg_current_xact_id();
END $interline$;
`

/**
 * The slot for what is sent now. When its turn comes it is emptied as a whole; should somebody be reading it, what is in it stays another
 * round. The clock going back changes nothing.
 */
const rotateFunction = (names: OutboxNames): string => `
CREATE FUNCTION ${names.rotate}(p_keep_ms bigint)
RETURNS smallint
LANGUAGE plpgsql SET lock_timeout = '200ms' AS $interline$
DECLARE
  v_width bigint := greatest(1000, p_keep_ms / ${sentSlots - 2});
  v_turn bigint := floor(extract(epoch FROM clock_timestamp()) * 1000 / v_width);
  v_known record;
BEGIN
  SELECT s.turn, s.width_ms INTO v_known FROM ${names.slots} s;
  IF v_known.turn >= v_turn AND v_known.width_ms = v_width THEN RETURN (v_known.turn % ${sentSlots})::smallint; END IF;
  BEGIN
    INSERT INTO ${names.slots} AS s (turn, width_ms) VALUES (v_turn, v_width)
      ON CONFLICT (single) DO UPDATE SET turn = excluded.turn, width_ms = excluded.width_ms
      WHERE s.turn < excluded.turn OR s.width_ms <> excluded.width_ms;
    IF FOUND THEN
      FOR turn IN greatest(v_turn - ${sentSlots - 1}, CASE WHEN v_known.width_ms = v_width THEN v_known.turn + 1 ELSE v_turn END) .. v_turn LOOP
        EXECUTE format('TRUNCATE ${names.sent.replaceAll("'", "''").replace(/"$/, '')}_%s"', turn % ${sentSlots});
      END LOOP;
    END IF;
  EXCEPTION WHEN lock_not_available THEN
    RETURN coalesce(v_known.turn % ${sentSlots}, 0)::smallint;
  END;
  RETURN (v_turn % ${sentSlots})::smallint;
END $interline$;
`

/** Puts entries where they wait, each with what is known of its failure. */
const holdFunction = (names: OutboxNames): string => `
CREATE FUNCTION ${names.hold}(p_from smallint[], p_partitions smallint[], p_ids bigint[], p_to smallint[], p_whole boolean[],
  p_attempts integer[], p_delays_ms bigint[], p_errors text[])
RETURNS void
LANGUAGE plpgsql ${byKey} AS $interline$
BEGIN
  UPDATE ${names.entries} e SET state = h.to_state, whole = h.whole, attempts = h.attempts, error = coalesce(h.error, e.error),
      due_at = clock_timestamp() + h.delay_ms * interval '1 millisecond'
    FROM unnest(p_from, p_partitions, p_ids, p_to, p_whole, p_attempts, p_delays_ms, p_errors)
      AS h (from_state, partition, id, to_state, whole, attempts, delay_ms, error)
    WHERE e.state = h.from_state AND e.partition = h.partition AND e.id = h.id;
END $interline$;
`

/** What waited behind a key, or behind a whole destination, is ready again. */
const releaseFunction = (names: OutboxNames): string => `
CREATE FUNCTION ${names.release}(p_partition smallint, p_destination text, p_key text, p_whole boolean)
RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $interline$
BEGIN
  IF p_whole THEN
    UPDATE ${names.entries} e SET state = ${entryState.ready}, whole = false
      WHERE e.state = ${entryState.behind} AND e.partition = p_partition AND e.destination = p_destination AND e.whole;
  ELSE
    UPDATE ${names.entries} e SET state = ${entryState.ready}
      WHERE e.state = ${entryState.behind} AND e.partition = p_partition AND e.destination = p_destination AND e.key = p_key AND NOT e.whole;
  END IF;
END $interline$;
`

/** In the order in which they need each other. */
export const entryFunctions = (names: OutboxNames): string =>
  [takeFunction, probeFunction, rotateFunction, completeFunction, holdFunction, releaseFunction].map((part) => part(names)).join('\n')
