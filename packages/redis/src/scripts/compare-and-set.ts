import { Script } from './script.js'

/** KEYS: a value. ARGV: what it must be, or nothing where `ARGV[2]` is `new`; `new` or `old`; the new value. Answers 1, or 0 and writes nothing. */
export const compareAndSetScript: Script = new Script(`
local current = redis.call('GET', KEYS[1])
if ARGV[2] == 'new' then
  if current then return 0 end
elseif current ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[3])
return 1
`)
