import { Script } from './script.js'

/**
 * What a group has before it, in the given partitions.
 *
 * KEYS, for each partition: stream, scheduled, retry stream, delayed. ARGV: group.
 * Answers: not yet delivered, delivered and pending, waiting for their time, partitions in which the group exists.
 */
export const statisticsScript: Script = new Script(`
local call = redis.call
local waiting, pending, delayed, found = 0, 0, 0, 0
for i = 1, #KEYS, 4 do
  local stream, retry = KEYS[i], KEYS[i + 2]
  if call('EXISTS', stream) == 1 then
    for _, flat in ipairs(call('XINFO', 'GROUPS', stream)) do
      local info = {}
      for f = 1, #flat, 2 do info[flat[f]] = flat[f + 1] end
      if info['name'] == ARGV[1] then
        found = found + 1
        pending = pending + info['pending']
        local lag = info['lag']
        if type(lag) ~= 'number' or lag > call('XLEN', stream) then
          lag = #call('XRANGE', stream, '(' .. info['last-delivered-id'], '+', 'COUNT', 100000)
        end
        waiting = waiting + lag
      end
    end
  end
  if call('EXISTS', retry) == 1 then
    local entries, mine = call('XLEN', retry), 0
    for _, flat in ipairs(call('XINFO', 'GROUPS', retry)) do
      for f = 1, #flat, 2 do
        if flat[f] == 'pending' then mine = flat[f + 1] end
      end
    end
    pending = pending + mine
    waiting = waiting + math.max(0, entries - mine)
  end
  delayed = delayed + call('ZCARD', KEYS[i + 1]) + call('ZCARD', KEYS[i + 3])
end
return { waiting, pending, delayed, found }
`)
