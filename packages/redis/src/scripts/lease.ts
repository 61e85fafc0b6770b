import { Script } from './script.js'

/**
 * Takes a free lease under a new fencing token, which every write of its owner is checked against.
 *
 * KEYS: lease, token counter. ARGV: owner, milliseconds. Answers the token, or 0 where somebody else holds it; an owner that asks again,
 * because it never saw the answer, gets a new token.
 */
export const acquireLeaseScript: Script = new Script(
  `
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, #ARGV[1] + 1) ~= ARGV[1] .. ':' then return 0 end
local token = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. string.format('%.0f', token), 'PX', ARGV[2])
return token
`,
  { whenFull: true },
)

/** KEYS: lease. ARGV: its value, milliseconds. Answers 1, or 0 where it is lost. */
export const renewLeaseScript: Script = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`)

/** KEYS: lease. ARGV: its value. */
export const releaseLeaseScript: Script = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`)
