import { Script } from './script.js'
import { waited } from './wait.js'

/**
 * Moves what is due from the sorted sets into the streams, by the server's clock. Any consumer may call it at any time.
 *
 * KEYS, for each section: sorted set, stream; then, where news is told, the mark of those who wait for it.
 * ARGV: how many at most for each section; the channel of the news or ''.
 * Answers how many were moved, in how many milliseconds the next is due, or -1, and why a stream took nothing, or ''. Such a section waits
 * alone: the others go on.
 */
export const pumpScript: Script = new Script(
  `${waited}
local call, unpack = redis.call, unpack
local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local moved, next, failure = 0, -1, ''
for section = 1, math.floor(#KEYS / 2) do
  local set, stream, failed = KEYS[section * 2 - 1], KEYS[section * 2], nil
  for _, member in ipairs(call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, ARGV[1])) do
    local added = redis.pcall('XADD', stream, '*', unpack(waited(member), 2))
    if type(added) == 'table' and added.err then
      failed = added.err
      break
    end
    call('ZREM', set, member)
    moved = moved + 1
  end
  local first = call('ZRANGE', set, 0, 0, 'WITHSCORES')
  if failed then
    failure = failed
  elseif first[2] then
    local wait = math.max(0, tonumber(first[2]) - now)
    if next < 0 or wait < next then next = wait end
  end
end
if moved > 0 and ARGV[2] ~= '' and call('DEL', KEYS[#KEYS]) == 1 then call('PUBLISH', ARGV[2], '') end
return { moved, next, failure }
`,
  { whenFull: true },
)
