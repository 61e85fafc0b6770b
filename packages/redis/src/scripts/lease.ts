import { Script } from './script.js'

/**
 * What a lease holds: `owner:token/milliseconds`. How long it was given for tells one that the server's clock, stepping back, made longer.
 */
export function leaseValue(holder: string, durationMs: number): string {
  return `${holder}/${durationMs}`
}

/** Lua: whether a lease is one of this beginning, with nothing behind it but what the pattern says. */
const begins = `
local function begins(held, beginning, rest)
  return held and string.sub(held, 1, #beginning) == beginning and string.find(held, rest, #beginning + 1)
end
`

/**
 * Takes a free lease under a new fencing token, which every write of its owner is checked against.
 *
 * KEYS: lease, token counter. ARGV: owner, milliseconds. Answers the token, or 0 where somebody else holds it; an owner that asks again,
 * because it never saw the answer, gets a new token. A lease that would last longer than it was given for is cut to that.
 */
export const acquireLeaseScript: Script = new Script(
  `${begins}
local held = redis.call('GET', KEYS[1])
if held and not begins(held, ARGV[1] .. ':', '^%d+/?%d*$') then
  local most = tonumber(string.match(held, '/(%d+)$'))
  if most and redis.call('PTTL', KEYS[1]) > most then redis.call('PEXPIRE', KEYS[1], most) end
  return 0
end
local token = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. string.format('%.0f', token) .. '/' .. ARGV[2], 'PX', ARGV[2])
return token
`,
  { whenFull: true },
)

/** KEYS: lease. ARGV: `owner:token`, milliseconds. Answers 1, or 0 where it is lost. */
export const renewLeaseScript: Script = new Script(
  `${begins}
local held = redis.call('GET', KEYS[1])
if not begins(held, ARGV[1], '^/%d+$') then return 0 end
local value = ARGV[1] .. '/' .. ARGV[2]
if held == value then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
redis.call('SET', KEYS[1], value, 'PX', ARGV[2])
return 1
`,
  { whenFull: true },
)

/** KEYS: lease. ARGV: `owner:token`. */
export const releaseLeaseScript: Script = new Script(`${begins}
if not begins(redis.call('GET', KEYS[1]), ARGV[1], '^/%d+$') then return 0 end
return redis.call('DEL', KEYS[1])
`)
