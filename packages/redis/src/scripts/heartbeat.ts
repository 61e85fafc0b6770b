import { Script } from './script.js'

/**
 * Says that the caller is still at work on entries, without counting a delivery; never steals one back that another consumer has.
 *
 * KEYS: streams. ARGV: group, consumer; then for each stream: how many ids, the ids in ascending order.
 * Answers for each stream the ids that are no longer the caller's.
 */
export const heartbeatScript: Script = new Script(`
local call, unpack = redis.call, unpack
local group, me, at, answers = ARGV[1], ARGV[2], 3, {}
for section, stream in ipairs(KEYS) do
  local count, first = tonumber(ARGV[at]), at + 1
  local mine, held, lost = {}, {}, {}
  for _, entry in ipairs(call('XPENDING', stream, group, ARGV[first], ARGV[first + count - 1], 1000000, me)) do mine[entry[1]] = true end
  for i = first, first + count - 1 do
    if mine[ARGV[i]] then held[#held + 1] = ARGV[i] else lost[#lost + 1] = ARGV[i] end
  end
  for i = 1, #held, 1000 do
    local ids = { unpack(held, i, math.min(i + 999, #held)) }
    ids[#ids + 1] = 'JUSTID'
    call('XCLAIM', stream, group, me, 0, unpack(ids))
  end
  answers[section] = lost
  at = first + count
end
return answers
`)
