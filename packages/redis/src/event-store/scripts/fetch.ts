import { Script } from '../../scripts/script.js'

/**
 * Reads single events of many streams at once.
 *
 * KEYS: streams. ARGV: for each event, number of its stream and its version.
 * Answers for each event its fields, or nothing where it is gone.
 */
export const fetchScript: Script = new Script(`
local answers = {}
for i = 1, #ARGV, 2 do
  local id = '0-' .. ARGV[i + 1]
  local entry = redis.call('XRANGE', KEYS[tonumber(ARGV[i])], id, id, 'COUNT', 1)[1]
  answers[#answers + 1] = entry and entry[2] or false
end
return answers
`)
