import type { StoreNames } from '../store-names.js'
import { fits, planned } from './function-parts.js'

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
