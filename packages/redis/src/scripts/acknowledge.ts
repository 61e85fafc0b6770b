import { Script } from './script.js'

/**
 * Acknowledges what was handled in several streams, where it still belongs to the caller.
 *
 * KEYS, for each section: stream, notes, lease.
 * ARGV: group, consumer; then for each section: the lease's value, or '' where entries are owned one by one; `1` where entries are
 * removed with their acknowledgement; how many ids, how many of them have notes, the smallest and the greatest id or '' to look up one by
 * one; the ids, those with notes first.
 * Answers for each section 1 (all), 0 (the lease is gone: none), 2 (the lease holds, and some were not pending), or the ids that failed,
 * each followed by 0 (another consumer has it) or 2 (it was not pending).
 */
export const acknowledgeScript: Script = new Script(`
local call, unpack = redis.call, unpack
local group, me = ARGV[1], ARGV[2]
local answers, at = {}, 3
for section = 1, #KEYS / 3 do
  local stream, notes, lease = KEYS[section * 3 - 2], KEYS[section * 3 - 1], KEYS[section * 3]
  local fence, remove, count, noted = ARGV[at], ARGV[at + 1] == '1', tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local least, most, first = ARGV[at + 4], ARGV[at + 5], at + 6
  local answer, done = 1, {}
  if fence ~= '' then
    if call('GET', lease) == fence then
      for i = 0, count - 1 do done[i + 1] = ARGV[first + i] end
    else
      answer = 0
    end
  else
    local mine = {}
    if least ~= '' then
      for _, entry in ipairs(call('XPENDING', stream, group, least, most, 1000000, me)) do mine[entry[1]] = true end
    end
    local failed = {}
    for i = 0, count - 1 do
      local id = ARGV[first + i]
      local owned = mine[id]
      if not owned then
        local entry = call('XPENDING', stream, group, id, id, 1)[1]
        owned = entry and entry[2] == me
        if not owned then
          failed[#failed + 1] = id
          failed[#failed + 1] = entry and 0 or 2
        end
      end
      if owned then done[#done + 1] = id end
    end
    if #failed > 0 then answer = failed end
  end
  if #done > 0 then
    local acknowledged = 0
    for i = 1, #done, 1000 do
      acknowledged = acknowledged + call('XACK', stream, group, unpack(done, i, math.min(i + 999, #done)))
      if remove then call('XDEL', stream, unpack(done, i, math.min(i + 999, #done))) end
    end
    if fence ~= '' and acknowledged < #done then answer = 2 end
    for i = 0, noted - 1 do call('HDEL', notes, ARGV[first + i]) end
  end
  answers[section] = answer
  at = first + count
end
return answers
`)
