import { streamDeletedType } from '@interline/core'
import type { StoreNames } from '../store-names.js'

/**
 * Statements by an index whatever the server knows of its tables, which is nothing where they were never analysed. The penalty for a
 * scan makes a plan look expensive enough to be compiled, which takes longer than it runs.
 */
const planned = 'SET enable_seqscan = off SET jit = off'

/** The events table's own number is the space of its locks: no other store of the database has it. */
const lockSpace = (names: StoreNames): string => signed(`'${names.events}'::regclass::oid::bigint`)

/** The lower 32 bits of a number, as the signed integer that a lock's key is. */
const signed = (number: string): string => `(((${number}) & 4294967295) - (((${number}) & 2147483648) << 1))::integer`

/** Milliseconds since 1970, now and not when the transaction began. */
const now = `floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint`

/**
 * Taken before the first position of a transaction, and held until it ends: all positions that it will get are above the locked one.
 * Readers stop at the lowest that is locked, so nothing can appear behind them. It is shared: appenders never wait for each other here.
 */
const lockBound = (names: StoreNames): string =>
  `PERFORM pg_advisory_xact_lock_shared(${lockSpace(names)}, ${signed('last_value')}) FROM ${names.position};`

/** Whether the expectation holds: -1 any, -2 no stream, -3 a stream that exists, else a version. */
const fits = `CASE p_expect WHEN -1 THEN true WHEN -2 THEN v_version = 0 OR v_deleted WHEN -3 THEN v_version > 0 AND NOT v_deleted
  ELSE p_expect = v_version OR (p_expect = 0 AND v_deleted) END`

const columns = 'position, stream, version, recorded_at, forward, id, type, correlation_id, tenant_id, aggregate_type, head, data, bytes'

const nextPosition = (names: StoreNames): string => `nextval('${names.position}'::regclass)`

/**
 * Appends several groups of events, each to one stream at one expected version, each with its own verdict: 0 appended, 1 there already,
 * 2 conflict, 3 an event is known elsewhere, 4 to be asked alone. Rows are for one group each, in order.
 *
 * A group that comes alone gets its verdict; among others, one that would have to wait for a lock or to look closer is answered 4, and so
 * is what comes after it for the same stream: groups are ordered by stream.
 * Event ids are looked for beforehand only where the version does not fit or \`p_again\` says that they may be there: otherwise the unique
 * index refuses them, and the caller asks again.
 */
export const appendFunction = (names: StoreNames): string => `
CREATE FUNCTION ${names.append}(p_streams text[], p_expected bigint[], p_counts integer[], p_forward boolean[], p_again boolean,
  p_ids text[], p_types text[], p_correlations text[], p_tenants text[], p_aggregates text[], p_heads text[], p_data text[], p_bytes bytea[])
RETURNS TABLE (outcome integer, version bigint, "position" bigint, detail text)
LANGUAGE plpgsql ${planned} AS $interline$
#variable_conflict use_column
DECLARE
  v_streams text[] := '{}';
  v_versions bigint[] := '{}';
  v_forward boolean[] := '{}';
  v_bases bigint[] := '{}';
  v_actuals bigint[] := '{}';
  v_positions bigint[];
  v_taken integer := 0;
  v_base bigint;
  v_actual bigint;
  v_version bigint;
  v_deleted boolean;
  v_first integer := 0;
  v_count integer;
  v_left text;
  v_place record;
  v_now bigint;
BEGIN
  IF cardinality(p_streams) = 1 THEN
    v_count := p_counts[1];
    IF NOT p_again AND p_expected[1] NOT IN (0, -2) THEN
      UPDATE ${names.streams} s SET version = s.version + v_count
        WHERE s.stream = p_streams[1] AND NOT s.deleted AND (p_expected[1] < 0 OR s.version = p_expected[1])
        RETURNING s.version - v_count INTO v_base;
    END IF;
    IF NOT p_again AND v_base IS NULL AND p_expected[1] IN (0, -1, -2) THEN
      INSERT INTO ${names.streams} (stream, version) VALUES (p_streams[1], v_count) ON CONFLICT DO NOTHING;
      IF FOUND THEN v_base := 0; END IF;
    END IF;
    IF v_base IS NULL THEN
      SELECT * INTO v_place FROM ${names.append}(p_streams[1], p_expected[1], p_ids);
      IF v_place.outcome <> 0 OR v_count = 0 THEN
        RETURN QUERY SELECT v_place.outcome, v_place.version, v_place."position", v_place.detail;
        RETURN;
      END IF;
      v_base := v_place.version;
    END IF;
    ${lockBound(names)}
    v_now := ${now};
    IF v_count = 1 THEN
      INSERT INTO ${names.events} (${columns})
        VALUES (${nextPosition(names)}, p_streams[1], v_base + 1, v_now, p_forward[1], p_ids[1], p_types[1], p_correlations[1],
          p_tenants[1], p_aggregates[1], p_heads[1], p_data[1], p_bytes[1]);
    ELSE
      INSERT INTO ${names.events} (${columns})
        SELECT ${nextPosition(names)}, p_streams[1], v_base + e.place, v_now, p_forward[1], e.id, e.type, e.correlation, e.tenant,
          e.aggregate, e.head, e.data, e.bytes
        FROM unnest(p_ids, p_types, p_correlations, p_tenants, p_aggregates, p_heads, p_data, p_bytes)
          WITH ORDINALITY AS e (id, type, correlation, tenant, aggregate, head, data, bytes, place);
    END IF;
    outcome := 0;
    version := v_base + v_count;
    "position" := currval('${names.position}'::regclass);
    RETURN NEXT;
    RETURN;
  END IF;

  FOR g IN 1 .. cardinality(p_streams) LOOP
    v_base := NULL;
    v_actual := NULL;
    v_count := p_counts[g];
    IF v_left IS DISTINCT FROM p_streams[g] THEN
      SELECT s.version, s.deleted INTO v_version, v_deleted FROM ${names.streams} s WHERE s.stream = p_streams[g] FOR UPDATE SKIP LOCKED;
      IF NOT FOUND THEN
        IF p_expected[g] IN (0, -1, -2) THEN
          INSERT INTO ${names.streams} (stream, version) VALUES (p_streams[g], v_count) ON CONFLICT DO NOTHING;
          IF FOUND THEN v_base := 0; END IF;
        END IF;
      ELSIF NOT v_deleted THEN
        IF p_expected[g] IN (-1, -3, v_version) THEN
          UPDATE ${names.streams} s SET version = s.version + v_count WHERE s.stream = p_streams[g];
          v_base := v_version;
        ELSIF NOT EXISTS (SELECT FROM ${names.events} e WHERE e.id = ANY (p_ids[v_first + 1 : v_first + v_count])) THEN
          v_actual := v_version;
        END IF;
      END IF;
      IF v_base IS NULL AND v_actual IS NULL THEN v_left := p_streams[g]; END IF;
    END IF;
    v_first := v_first + v_count;
    v_actuals := v_actuals || v_actual;
    v_bases := v_bases || v_base;
    v_streams := v_streams || array_fill(p_streams[g], ARRAY[v_count]);
    v_forward := v_forward || array_fill(p_forward[g], ARRAY[v_count]);
    v_versions := v_versions || CASE WHEN v_base IS NULL THEN array_fill(NULL::bigint, ARRAY[v_count])
      ELSE ARRAY(SELECT v_base + k FROM generate_series(1, v_count) k) END;
  END LOOP;

  ${lockBound(names)}
  v_now := ${now};
  WITH written AS (
    INSERT INTO ${names.events} (${columns})
    SELECT ${nextPosition(names)}, e.stream, e.version, v_now, e.forward, e.id, e.type, e.correlation, e.tenant, e.aggregate, e.head, e.data,
      e.bytes
    FROM unnest(v_streams, v_versions, v_forward, p_ids, p_types, p_correlations, p_tenants, p_aggregates, p_heads, p_data, p_bytes)
      AS e (stream, version, forward, id, type, correlation, tenant, aggregate, head, data, bytes)
    WHERE e.version IS NOT NULL
    RETURNING position)
  SELECT array_agg(w.position ORDER BY w.position) INTO v_positions FROM written w;

  FOR g IN 1 .. cardinality(p_streams) LOOP
    IF v_actuals[g] IS NOT NULL THEN
      RETURN QUERY SELECT 2, v_actuals[g], NULL::bigint, NULL::text;
    ELSIF v_bases[g] IS NULL THEN
      RETURN QUERY SELECT 4, NULL::bigint, NULL::bigint, NULL::text;
    ELSE
      v_taken := v_taken + p_counts[g];
      RETURN QUERY SELECT 0, v_bases[g] + p_counts[g], v_positions[v_taken], NULL::text;
    END IF;
  END LOOP;
END $interline$;
`

/** Where events go that are not simply the next ones: locks their stream and raises its version, or says why not. Answers the version before them. */
export const placeFunction = (names: StoreNames): string => `
CREATE FUNCTION ${names.append}(p_stream text, p_expect bigint, p_ids text[])
RETURNS TABLE (outcome integer, version bigint, "position" bigint, detail text)
LANGUAGE plpgsql ${planned} AS $interline$
#variable_conflict use_column
DECLARE
  v_count integer := cardinality(p_ids);
  v_version bigint;
  v_before bigint;
  v_deleted boolean;
  v_there boolean;
  v_known record;
  v_same record;
BEGIN
  LOOP
    SELECT s.version, s.before, s.deleted INTO v_version, v_before, v_deleted FROM ${names.streams} s WHERE s.stream = p_stream FOR UPDATE;
    v_there := FOUND;
    v_version := coalesce(v_version, 0);
    v_before := coalesce(v_before, 0);
    v_deleted := coalesce(v_deleted, false);
    SELECT u.place, e.stream, e.version INTO v_known
      FROM unnest(p_ids) WITH ORDINALITY AS u (id, place) JOIN ${names.events} e ON e.id = u.id ORDER BY u.place LIMIT 1;
    IF v_known.place = 1 AND v_known.stream = p_stream THEN
      SELECT count(*) AS found, max(e.position) AS last INTO v_same FROM unnest(p_ids) WITH ORDINALITY AS u (id, place)
        JOIN ${names.events} e ON e.stream = p_stream AND e.version = v_known.version + u.place - 1 AND e.id = u.id;
      IF v_same.found = v_count AND (p_expect IN (-1, -3)
          OR v_known.version = (CASE p_expect WHEN -2 THEN v_before ELSE p_expect END) + 1) THEN
        RETURN QUERY SELECT 1, v_known.version + v_count - 1, v_same.last, NULL::text;
        RETURN;
      END IF;
    END IF;
    IF NOT (${fits}) THEN
      RETURN QUERY SELECT 2, CASE WHEN v_deleted AND p_expect < 0 THEN 0 ELSE v_version END, NULL::bigint, NULL::text;
      RETURN;
    END IF;
    IF v_known.place IS NOT NULL THEN
      RETURN QUERY SELECT 3, v_known.place - 1, NULL::bigint, v_known.stream;
      RETURN;
    END IF;
    EXIT WHEN v_count = 0;
    IF v_there THEN
      IF v_deleted AND p_expect = 0 THEN v_version := 0; END IF;
      UPDATE ${names.streams} s SET version = v_version + v_count, deleted = false,
        before = CASE WHEN v_deleted THEN v_version ELSE v_before END WHERE s.stream = p_stream;
      EXIT;
    END IF;
    INSERT INTO ${names.streams} (stream, version) VALUES (p_stream, v_count) ON CONFLICT DO NOTHING;
    EXIT WHEN FOUND;
  END LOOP;
  RETURN QUERY SELECT 0, v_version, NULL::bigint, NULL::text;
END $interline$;
`

/** Removes a stream's events and says so in the order of all: 0 deleted, also by an earlier try of the same deletion, 1 absent, 2 conflict. */
export const deleteStreamFunction = (names: StoreNames): string => `
CREATE FUNCTION ${names.deleteStream}(p_stream text, p_expect bigint, p_deletion text)
RETURNS TABLE (outcome integer, version bigint)
LANGUAGE plpgsql ${planned} AS $interline$
#variable_conflict use_column
DECLARE
  v_version bigint;
  v_deleted boolean;
  v_deletion text;
  v_position bigint;
BEGIN
  SELECT s.version, s.deleted, s.deletion INTO v_version, v_deleted, v_deletion FROM ${names.streams} s WHERE s.stream = p_stream FOR UPDATE;
  v_version := coalesce(v_version, 0);
  v_deleted := coalesce(v_deleted, false);
  IF v_deletion = p_deletion THEN
    RETURN QUERY SELECT 0, v_version;
  ELSIF NOT (${fits}) THEN
    RETURN QUERY SELECT 2, CASE WHEN v_deleted AND p_expect < 0 THEN 0 ELSE v_version END;
  ELSIF v_version = 0 OR v_deleted THEN
    RETURN QUERY SELECT 1, v_version;
  ELSE
    DELETE FROM ${names.events} e WHERE e.stream = p_stream AND e.version > 0;
    ${lockBound(names)}
    v_position := nextval('${names.position}'::regclass);
    INSERT INTO ${names.events} (position, stream, version, recorded_at, forward, id, type, head)
      VALUES (v_position, p_stream, -v_position, ${now}, false, '${streamDeletedType}:' || v_position, '${streamDeletedType}', v_version);
    UPDATE ${names.streams} s SET deleted = true, before = v_version, deletion = p_deletion WHERE s.stream = p_stream;
    RETURN QUERY SELECT 0, v_version;
  END IF;
END $interline$;
`

/**
 * Up to which position everything that will ever be there is there, for a statement that begins after this one. The newest position is
 * read first: who locks later gets one above it. Locks are compared within 2³¹ positions of the newest, as their keys have 32 bits; a
 * lock that seems to be ahead was taken after the newest was read.
 */
export const boundFunction = (names: StoreNames): string => `
CREATE FUNCTION ${names.bound}(p_after bigint)
RETURNS TABLE (bound bigint, newest bigint)
LANGUAGE plpgsql AS $interline$
DECLARE
  v_newest bigint;
  v_held bigint;
BEGIN
  SELECT last_value INTO v_newest FROM ${names.position};
  IF v_newest > p_after THEN
    SELECT min(v_newest - ((v_newest - l.objid::bigint) & 4294967295)) INTO v_held FROM pg_locks l
      WHERE l.locktype = 'advisory' AND l.classid = '${names.events}'::regclass::oid AND l.objsubid = 2
        AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
        AND ((v_newest - l.objid::bigint) & 4294967295) < 2147483648;
  END IF;
  RETURN QUERY SELECT least(v_newest, v_held), v_newest;
END $interline$;
`
