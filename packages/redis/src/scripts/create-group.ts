import { Script } from './script.js'

/**
 * Creates a group where it is new; an existing one stays where it is.
 *
 * KEYS, for each partition: stream, retry stream. ARGV: group, where a new group begins. Answers how many were new.
 */
export const createGroupScript: Script = new Script(
  `
local created = 0
for i, stream in ipairs(KEYS) do
  local start = i % 2 == 1 and ARGV[2] or '0'
  local answer = redis.pcall('XGROUP', 'CREATE', stream, ARGV[1], start, 'MKSTREAM')
  if type(answer) == 'table' and answer.err then
    if not string.find(answer.err, 'BUSYGROUP', 1, true) then return redis.error_reply(answer.err) end
  elseif i % 2 == 1 then
    created = created + 1
  end
end
return created
`,
  { whenFull: true },
)
