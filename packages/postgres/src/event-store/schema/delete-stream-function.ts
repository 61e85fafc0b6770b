import { streamDeletedType } from '@interline/core'
import type { StoreNames } from '../store-names.js'
import { fits, lockBound, nextPosition, now, planned } from './function-parts.js'

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
    -- Statements of their own, after it: they see what was being archived while it waited.
    DELETE FROM ${names.archive} a WHERE a.stream = p_stream AND a.version > 0;
    WITH gone AS (DELETE FROM ${names.segmentStreams} s WHERE s.stream = p_stream RETURNING s.first)
      UPDATE ${names.segments} g SET deletions = g.deletions + 1 WHERE g.first IN (SELECT gone.first FROM gone);
    ${lockBound(names)}
    v_position := ${nextPosition(names)};
    INSERT INTO ${names.events} (position, stream, version, recorded_at, forward, id, type, head)
      VALUES (v_position, p_stream, -v_position, ${now}, false, '${streamDeletedType}:' || v_position, '${streamDeletedType}', v_version);
    UPDATE ${names.streams} s SET deleted = true, before = v_version, deletion = p_deletion WHERE s.stream = p_stream;
    RETURN QUERY SELECT 0, v_version;
  END IF;
END $interline$;
`
