import { ConfigurationError } from '../errors.js'
import { type OptionCheckList, optionChecks } from '../option-checks.js'

/**
 * Which events a store gives up, oldest first over all streams: they leave the order of all and their streams, so an aggregate whose
 * beginning is gone can only be loaded from a snapshot. Versions and positions go on counting.
 */
export interface StoreRetention {
  /** Events kept, newest first. */
  readonly maxEvents?: number | undefined
  /** How long events are kept after they were recorded. */
  readonly maxAgeMs?: number | undefined
  /** Events that a reader with a checkpoint in this store has not passed: `keep` them (default) until it has, or `remove` them too. */
  readonly unread?: 'keep' | 'remove' | undefined
  /** How often it is looked for what can go. */
  readonly intervalMs?: number | undefined
  /** Called after each pass that removed something. Without it, a warning at most once a minute. */
  readonly onRemoved?: ((removed: RemovedEvents) => void) | undefined
}

export interface RemovedEvents {
  readonly events: number
  readonly streams: number
}

export interface ResolvedRetention {
  /** Infinity where nothing was said. */
  readonly maxEvents: number
  readonly maxAgeMs: number
  readonly unread: 'keep' | 'remove'
  readonly intervalMs: number
  readonly onRemoved: ((removed: RemovedEvents) => void) | undefined
}

export const retentionChecks: OptionCheckList = {
  maxEvents: optionChecks.integer(1),
  maxAgeMs: optionChecks.integer(1),
  unread: optionChecks.oneOf('keep', 'remove'),
  intervalMs: optionChecks.integer(10),
  onRemoved: optionChecks.kind('function'),
}

/** Fills in the defaults; the caller has checked the values. */
export function resolveRetention(
  { maxEvents, maxAgeMs, unread, intervalMs, onRemoved }: StoreRetention,
  path: string,
  defaultIntervalMs: number,
): ResolvedRetention {
  if (maxEvents === undefined && maxAgeMs === undefined) {
    throw new ConfigurationError(`${path} says nothing about what goes. Give maxEvents or maxAgeMs, or leave it out.`)
  }
  return {
    maxEvents: maxEvents ?? Number.POSITIVE_INFINITY,
    maxAgeMs: maxAgeMs ?? Number.POSITIVE_INFINITY,
    unread: unread ?? 'keep',
    intervalMs: intervalMs ?? defaultIntervalMs,
    onRemoved,
  }
}
