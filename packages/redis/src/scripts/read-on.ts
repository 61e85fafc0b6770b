import { Script } from './script.js'

/**
 * Reads on in a stream without waiting, for a reader without a group.
 *
 * KEYS: stream, the mark of those who wait for news. ARGV: the id to begin after, how many entries at most, how many milliseconds the mark
 * stays. Answers what XREAD answers, or `false` where there is nothing, and the mark is set.
 */
export const readOnScript: Script = new Script(
  `
local reply = redis.call('XREAD', 'COUNT', ARGV[2], 'STREAMS', KEYS[1], ARGV[1])
if not reply then redis.call('SET', KEYS[2], '1', 'PX', ARGV[3]) end
return reply
`,
  { whenFull: true },
)
