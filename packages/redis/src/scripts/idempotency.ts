import { Script } from './script.js'

// A key holds `1` once it is done, and `c` with the owner while it is claimed. All of them end by themselves.

/** KEYS: keys. ARGV: milliseconds, then each key's owner. Answers for each key 1 (claimed), 2 (done) or 0 (busy). */
export const claimKeysScript: Script = new Script(
  `
local call, answers = redis.call, {}
for i, key in ipairs(KEYS) do
  local mine = 'c' .. ARGV[i + 1]
  local held = call('SET', key, mine, 'NX', 'GET', 'PX', ARGV[1])
  if not held then
    answers[i] = 1
  elseif held == mine then
    call('PEXPIRE', key, ARGV[1])
    answers[i] = 1
  else
    answers[i] = held == '1' and 2 or 0
  end
end
return answers
`,
  { whenFull: true },
)

/** KEYS: keys. ARGV: milliseconds, then each key's owner. Extends the claims that are still the owner's. */
export const renewKeysScript: Script = new Script(`
for i, key in ipairs(KEYS) do
  if redis.call('GET', key) == 'c' .. ARGV[i + 1] then redis.call('PEXPIRE', key, ARGV[1]) end
end
return 1
`)

/** KEYS: keys. ARGV: milliseconds. */
export const completeKeysScript: Script = new Script(
  `
for _, key in ipairs(KEYS) do redis.call('SET', key, '1', 'PX', ARGV[1]) end
return 1
`,
  { whenFull: true },
)

/** KEYS: keys. ARGV: each key's owner. */
export const releaseKeysScript: Script = new Script(`
for i, key in ipairs(KEYS) do
  if redis.call('GET', key) == 'c' .. ARGV[i] then redis.call('DEL', key) end
end
return 1
`)
