import { Script } from './script.js'

/**
 * Removes consumers that have gone and have nothing pending; one with pending entries stays, because these would be lost with it.
 *
 * KEYS: streams. ARGV: group, milliseconds of silence after which a consumer counts as gone, a consumer to remove at once or ''.
 */
export const cleanUpScript: Script = new Script(`
local removed = 0
for _, stream in ipairs(KEYS) do
  for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', stream, ARGV[1])) do
    local info = {}
    for i = 1, #flat, 2 do info[flat[i]] = flat[i + 1] end
    if info['pending'] == 0 and (info['idle'] > tonumber(ARGV[2]) or info['name'] == ARGV[3]) then
      redis.call('XGROUP', 'DELCONSUMER', stream, ARGV[1], info['name'])
      removed = removed + 1
    end
  end
end
return removed
`)
