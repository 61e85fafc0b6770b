import type { StoreNames } from '../store-names.js'

/**
 * Statements by an index whatever the server knows of its tables, which is nothing where they were never analysed. The penalty for a
 * scan makes a plan look expensive enough to be compiled, which takes longer than it runs.
 */
export const planned = 'SET enable_seqscan = off SET jit = off'

/** The events table's own number is the space of its locks: no other store of the database has it. */
export const lockSpace = (names: StoreNames): string => signed(`'${names.events}'::regclass::oid::bigint`)

/** The lower 32 bits of a number, as the signed integer that a lock's key is. */
export const signed = (number: string): string => `(((${number}) & 4294967295) - (((${number}) & 2147483648) << 1))::integer`

/** Milliseconds since 1970, now and not when the transaction began. */
export const now = `floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint`

/**
 * Taken before the first position of a transaction, and held until it ends: all positions that it will get are above the locked one.
 * Readers stop at the lowest that is locked, so nothing can appear behind them. It is shared: appenders never wait for each other here.
 */
export const lockBound = (names: StoreNames): string =>
  `PERFORM pg_advisory_xact_lock_shared(${lockSpace(names)}, ${signed('last_value')}) FROM ${names.position};`

/** Whether the expectation holds: -1 any, -2 no stream, -3 a stream that exists, else a version. */
export const fits = `CASE p_expect WHEN -1 THEN true WHEN -2 THEN v_version = 0 OR v_deleted WHEN -3 THEN v_version > 0 AND NOT v_deleted
  ELSE p_expect = v_version OR (p_expect = 0 AND v_deleted) END`

export const columns =
  'position, stream, version, recorded_at, forward, id, type, correlation_id, tenant_id, aggregate_type, head, data, bytes'

export const nextPosition = (names: StoreNames): string => `nextval('${names.position}'::regclass)`
