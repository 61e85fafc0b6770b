import { entryState } from '../entry-state.js'
import type { OutboxNames } from '../outbox-names.js'

/**
 * Says that a relay is alive, gives back the partitions of those that are not, and takes the relay's share of what is free. A relay that
 * leaves has its partitions given back. Times are the server's; one that its clock's jump put too far ahead counts as past. Answers also
 * since when the relay has been alive without a gap: where there was one, others may have had its partitions meanwhile.
 */
const claimFunction = (names: OutboxNames): string => `
CREATE FUNCTION ${names.claim}(p_relay text, p_lease_ms bigint, p_give smallint[], p_leave boolean)
RETURNS TABLE (owned text, share integer, since text)
LANGUAGE plpgsql AS $interline$
DECLARE
  v_now timestamptz;
  v_since timestamptz;
  v_lease interval := p_lease_ms * interval '1 millisecond';
  v_share integer;
BEGIN
  LOCK TABLE ${names.partitions} IN SHARE ROW EXCLUSIVE MODE;
  v_now := clock_timestamp();
  DELETE FROM ${names.relays} r WHERE r.until < v_now OR r.until > v_now + 2 * r.lease OR (p_leave AND r.relay = p_relay);
  IF NOT p_leave THEN
    INSERT INTO ${names.relays} AS r (relay, until, lease, since) VALUES (p_relay, v_now + v_lease, v_lease, v_now)
      ON CONFLICT (relay) DO UPDATE SET until = excluded.until, lease = excluded.lease RETURNING r.since INTO v_since;
  END IF;
  UPDATE ${names.partitions} p SET owner = NULL
    WHERE p.owner IS NOT NULL AND ((p.owner = p_relay AND p.partition = ANY (p_give))
      OR NOT EXISTS (SELECT FROM ${names.relays} r WHERE r.relay = p.owner));
  SELECT ceil((SELECT count(*) FROM ${names.partitions}) / greatest(count(*), 1)::numeric) INTO v_share FROM ${names.relays};
  IF NOT p_leave THEN
    UPDATE ${names.partitions} p SET owner = p_relay WHERE p.partition IN (
      SELECT f.partition FROM ${names.partitions} f WHERE f.owner IS NULL ORDER BY f.partition
      LIMIT greatest(0, v_share - (SELECT count(*) FROM ${names.partitions} o WHERE o.owner = p_relay)));
  END IF;
  RETURN QUERY SELECT coalesce(string_agg(p.partition::text, ','), ''), v_share, v_since::text FROM ${names.partitions} p WHERE p.owner = p_relay;
END $interline$;
`

/** What a relay must know of partitions that it has just got: which keys and destinations wait, and for how long. What waits behind nothing is ready. */
const adoptFunction = (names: OutboxNames): string => `
CREATE FUNCTION ${names.adopt}(p_partitions smallint[])
RETURNS TABLE (partition smallint, id bigint, destination text, key text, whole boolean, attempts integer, wait_ms bigint)
LANGUAGE plpgsql AS $interline$
BEGIN
  UPDATE ${names.entries} e SET state = ${entryState.ready}, whole = false
    WHERE e.partition = ANY (p_partitions) AND e.state = ${entryState.behind} AND NOT EXISTS (
      SELECT FROM ${names.entries} f WHERE f.state = ${entryState.failed} AND f.partition = e.partition AND f.destination = e.destination
        AND f.whole = e.whole AND (e.whole OR f.key IS NOT DISTINCT FROM e.key));
  RETURN QUERY SELECT f.partition, f.id, f.destination, f.key, f.whole, f.attempts,
      floor(extract(epoch FROM f.due_at - clock_timestamp()) * 1000)::bigint
    FROM ${names.entries} f WHERE f.state = ${entryState.failed} AND f.partition = ANY (p_partitions);
END $interline$;
`

export const ownershipFunctions = (names: OutboxNames): string => `${claimFunction(names)}\n${adoptFunction(names)}`
