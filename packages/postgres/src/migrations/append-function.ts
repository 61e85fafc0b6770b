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
