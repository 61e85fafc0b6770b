import { Script } from './script.js'

/**
 * Stores progress beside a pending entry that belongs to the caller.
 *
 * KEYS: stream, notes, lease. ARGV: group, consumer, the lease's value or '', id, progress.
 * Answers 1, 0 (it belongs to somebody else) or 2 (it is not pending).
 */
export const noteScript: Script = new Script(
  `
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[4], ARGV[4], 1)[1]
if not pending then return 2 end
if pending[2] ~= ARGV[2] or (ARGV[3] ~= '' and redis.call('GET', KEYS[3]) ~= ARGV[3]) then return 0 end
redis.call('HSET', KEYS[2], ARGV[4], ARGV[5])
return 1
`,
  { whenFull: true },
)
