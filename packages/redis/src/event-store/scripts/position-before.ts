import { Script } from '../../scripts/script.js'

/**
 * The last position that was recorded before a moment, found by halves: times never go back within the log.
 *
 * KEYS: state, log. ARGV: milliseconds since 1970.
 */
export const positionBeforeScript: Script = new Script(`
local call, format = redis.call, string.format
local wanted = tonumber(ARGV[1])
local low, high = 0, tonumber(call('HGET', KEYS[1], 'position') or '0')
while low < high do
  local middle = math.floor((low + high + 1) / 2)
  local entry = call('XRANGE', KEYS[2], format('%.0f-0', middle), '+', 'COUNT', 1)[1]
  if entry and tonumber(entry[2][6]) < wanted then
    low = tonumber(string.match(entry[1], '^(%d+)'))
  else
    high = middle - 1
  end
end
return format('%.0f', low)
`)
