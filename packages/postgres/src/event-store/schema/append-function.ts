import type { StoreNames } from '../store-names.js'
import { columns, lockBound, nextPosition, now, planned } from './function-parts.js'

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
  v_streams text[];
  v_versions bigint[];
  v_forward boolean[];
  v_bases bigint[];
  v_actuals bigint[];
  v_positions bigint[];
  v_base bigint;
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

  -- mostly each goes to a stream that is there, at the version that it has: all of these by one statement
  WITH held AS MATERIALIZED (
    SELECT a.place, a.count, s.stream, s.version
    FROM unnest(p_streams, p_expected, p_counts) WITH ORDINALITY AS a (stream, expected, count, place)
    JOIN ${names.streams} s ON s.stream = a.stream AND NOT s.deleted AND a.expected IN (-1, -3, s.version)
    WHERE a.stream IS DISTINCT FROM p_streams[a.place - 1]
    FOR UPDATE OF s SKIP LOCKED
  ), raised AS (
    UPDATE ${names.streams} s SET version = h.version + h.count FROM held h WHERE s.stream = h.stream AND s.version = h.version
    RETURNING h.place, h.version
  )
  SELECT array_agg(r.version ORDER BY g) INTO v_bases FROM generate_subscripts(p_streams, 1) g LEFT JOIN raised r ON r.place = g;
  v_actuals := array_fill(NULL::bigint, ARRAY[cardinality(p_streams)]);

  FOR g IN 1 .. cardinality(p_streams) LOOP
    IF v_bases[g] IS NULL AND v_left IS DISTINCT FROM p_streams[g] THEN
      SELECT s.version, s.deleted INTO v_version, v_deleted FROM ${names.streams} s WHERE s.stream = p_streams[g] FOR UPDATE SKIP LOCKED;
      IF NOT FOUND THEN
        IF p_expected[g] IN (0, -1, -2) THEN
          INSERT INTO ${names.streams} (stream, version) VALUES (p_streams[g], p_counts[g]) ON CONFLICT DO NOTHING;
          IF FOUND THEN v_bases[g] := 0; END IF;
        END IF;
      ELSIF NOT v_deleted THEN
        IF p_expected[g] IN (-1, -3, v_version) THEN
          UPDATE ${names.streams} s SET version = s.version + p_counts[g] WHERE s.stream = p_streams[g];
          v_bases[g] := v_version;
        ELSIF NOT EXISTS (SELECT FROM ${names.events} e WHERE e.id = ANY (p_ids[v_first + 1 : v_first + p_counts[g]])) THEN
          v_actuals[g] := v_version;
        END IF;
      END IF;
      IF v_bases[g] IS NULL AND v_actuals[g] IS NULL THEN v_left := p_streams[g]; END IF;
    END IF;
    v_first := v_first + p_counts[g];
  END LOOP;

  SELECT array_agg(g.stream ORDER BY g.place, k), array_agg(g.base + k ORDER BY g.place, k), array_agg(g.forward ORDER BY g.place, k)
    INTO v_streams, v_versions, v_forward
    FROM unnest(p_streams, v_bases, p_forward, p_counts) WITH ORDINALITY AS g (stream, base, forward, count, place),
      generate_series(1, g.count) k;
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

  RETURN QUERY
    SELECT CASE WHEN g.base IS NOT NULL THEN 0 WHEN g.actual IS NOT NULL THEN 2 ELSE 4 END, coalesce(g.base + g.count, g.actual),
      CASE WHEN g.base IS NOT NULL THEN v_positions[g.taken] END, NULL::text
    FROM (
      SELECT u.place, u.base, u.actual, u.count, sum(u.count) FILTER (WHERE u.base IS NOT NULL) OVER (ORDER BY u.place) AS taken
      FROM unnest(v_bases, v_actuals, p_counts) WITH ORDINALITY AS u (base, actual, count, place)) g
    ORDER BY g.place;
END $interline$;
`
