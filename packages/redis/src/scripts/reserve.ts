import { Script } from './script.js'

/**
 * Takes the next place of a rate limit, by the generic cell rate algorithm: the key holds when the next place begins.
 *
 * KEYS: the limit. ARGV: microseconds between places, how many may begin at once. Answers in how many microseconds the place begins.
 */
export const reserveScript: Script = new Script(`
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local begins = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now - (burst - 1) * interval)
local wait = math.max(0, begins - now)
local after = begins + interval
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', string.format('%.0f', math.ceil((math.max(after - now, 0) + burst * interval) / 1000) + 1000))
return string.format('%.0f', wait)
`)
