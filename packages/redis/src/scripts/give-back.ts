import { Script } from './script.js'

/**
 * Gives back entries so that the next consumer may take them at once, and leaves the partition.
 *
 * KEYS: stream, retry stream, lease. ARGV: group, consumer, the lease's value or ''; then for both streams: how many ids that were handed
 * to a handler, how many that were not (their delivery is uncounted), and the ids in that order.
 */
export const giveBackScript: Script = new Script(`
local call = redis.call
local group, me, fence, at = ARGV[1], ARGV[2], ARGV[3], 4
for section = 1, 2 do
  local handed, fresh = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  for i = 1, handed + fresh do
    local id = ARGV[at + 1 + i]
    local pending = call('XPENDING', KEYS[section], group, id, id, 1)[1]
    if pending and pending[2] == me then
      if i > handed then
        call('XCLAIM', KEYS[section], group, me, 0, id, 'IDLE', 86400000, 'RETRYCOUNT', pending[4] - 1, 'JUSTID')
      else
        call('XCLAIM', KEYS[section], group, me, 0, id, 'IDLE', 86400000, 'JUSTID')
      end
    end
  end
  at = at + 2 + handed + fresh
end
if fence ~= '' and call('GET', KEYS[3]) == fence then call('DEL', KEYS[3]) end
return 1
`)
