import { Script } from './script.js'

/**
 * Enters a consumer among the living of its group, or keeps it there, by the server's clock. One that would
 * stay longer than the caller was entered when that clock was ahead, and stays as long as the caller: the living enter themselves again.
 *
 * KEYS: members. ARGV: order, consumer, milliseconds. Answers how many there are, or -1 where others consume with another order.
 */
export const joinScript: Script = new Script(
  `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local ends = string.format('%.0f', now + tonumber(ARGV[3]))
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ends, '+inf')) do redis.call('ZADD', KEYS[1], ends, member) end
local order = ARGV[1] .. ':'
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if string.sub(member, 1, #order) ~= order then return -1 end
end
redis.call('ZADD', KEYS[1], ends, order .. ARGV[2])
return redis.call('ZCARD', KEYS[1])
`,
  { whenFull: true },
)

/** KEYS: members. ARGV: order, consumer. */
export const leaveScript: Script = new Script(`return redis.call('ZREM', KEYS[1], ARGV[1] .. ':' .. ARGV[2])`)
