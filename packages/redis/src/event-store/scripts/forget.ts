import { Script } from '../../scripts/script.js'

/**
 * Removes events and their traces. Each is removed only where it is still the event that stood at its position, so that it does not
 * matter how often this is done, by how many, and what was appended meanwhile.
 *
 * KEYS: state, log, then streams and correlation indexes.
 * ARGV: for each event: numbers of its stream and of its correlation index among the KEYS (0 for none), position, version, field of the
 * state, its place as `<position>:<version>:<stream>`.
 */
export const forgetScript: Script = new Script(`
local call = redis.call
for at = 1, #ARGV, 6 do
  local stream, index = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local position, version, field, place = ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
  call('XDEL', KEYS[2], position .. '-0')
  if index > 0 then call('ZREM', KEYS[index], place) end
  if call('HGET', KEYS[1], field) == place then call('HDEL', KEYS[1], field) end
  local id = '0-' .. version
  local entry = call('XRANGE', KEYS[stream], id, id, 'COUNT', 1)[1]
  if entry and entry[2][2] == position then
    call('XDEL', KEYS[stream], id)
    if call('XLEN', KEYS[stream]) == 0 then call('DEL', KEYS[stream]) end
  end
end
return 1
`)
