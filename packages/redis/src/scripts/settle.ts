import { Script } from './script.js'
import { wait } from './wait.js'

/**
 * Ends one delivery by a retry, by dead letters, or by both at once, where it still belongs to the caller.
 *
 * KEYS: stream, notes, lease, delayed, dead letters, dead letters by time.
 * ARGV: group, consumer, the lease's value or '', id, `1` where the entry is removed, milliseconds until the retry or '' for none, and the
 * fields that the retry has instead of its own: name and progress, name and reference; then for each dead letter: id, time, text.
 * Answers 1, 0 (it belongs to somebody else), 2 (it was not pending), or 3 (settled, but the entry itself was gone, so no retry).
 */
export const settleScript: Script = new Script(
  `${wait}
local call = redis.call
local stream, notes, lease, delayed, letters, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local group, me, fence, id, remove, after = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local pending = call('XPENDING', stream, group, id, id, 1)[1]
if not pending then return 2 end
if pending[2] ~= me or (fence ~= '' and call('GET', lease) ~= fence) then return 0 end
for i = 11, #ARGV, 3 do
  call('HSET', letters, ARGV[i], ARGV[i + 2])
  call('ZADD', index, ARGV[i + 1], ARGV[i])
end
local answer = 1
if after ~= '' then
  local entry = call('XRANGE', stream, id, id)[1]
  if entry then
    local packed = { stream .. ':' .. id }
    local fields = entry[2]
    for i = 1, #fields, 2 do
      if fields[i] ~= ARGV[7] and fields[i] ~= ARGV[9] then
        packed[#packed + 1] = fields[i]
        packed[#packed + 1] = fields[i + 1]
      end
    end
    for i = 7, 10 do packed[#packed + 1] = ARGV[i] end
    local now = call('TIME')
    local due = math.ceil(tonumber(now[1]) * 1000 + tonumber(now[2]) / 1000 + tonumber(after))
    wait(delayed, string.format('%.0f', due), packed)
  else
    answer = 3
  end
end
call('XACK', stream, group, id)
if remove == '1' then call('XDEL', stream, id) end
call('HDEL', notes, id)
return answer
`,
  { whenFull: true },
)
