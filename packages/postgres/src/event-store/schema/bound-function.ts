import type { StoreNames } from '../store-names.js'

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
