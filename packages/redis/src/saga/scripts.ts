import { Script } from '../scripts/script.js'

/**
 * All keys of a store share the hash tag of KEYS[1], and so one slot. A saga is a hash: `t` type, `i` id, `s` status, `r` revision, `d` due,
 * `c` created, `u` updated, `b` body, `l` when its lease ends, or 0, `w` the write that made it so, `n` its number by age.
 * Beside it: a sorted set of what is due for each type, by the time from which it may be claimed, and one of all and of each status by age.
 */
const common = `
local call = redis.call
local base = KEYS[1]
local function number(value) return string.format('%.0f', value) end
local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function recordKey(name) return base .. ':saga:' .. name end
local function read(name) return call('HMGET', recordKey(name), 't', 'i', 's', 'r', 'd', 'c', 'u', 'b', 'l', 'w', 'n') end
local function place(name, saga)
  local key = base .. ':due:' .. saga[1]
  if saga[5] == '' then call('ZREM', key, name)
  else call('ZADD', key, number(math.max(tonumber(saga[5]), tonumber(saga[9]))), name) end
end
local function claim(name, saga, lease, write)
  local lapsed = saga[9] ~= '0' and 1 or 0
  saga[4] = number(tonumber(saga[4]) + 1)
  saga[9] = number(now + lease)
  call('HSET', recordKey(name), 'r', saga[4], 'l', saga[9], 'w', write, 'lapsed', lapsed)
  place(name, saga)
  return { saga, number(now), lapsed }
end
`

/** KEYS: base. ARGV: name, write, lease, type, id, status, due, body. Answers the saga and the time, or nothing where there is one already. */
export const createScript: Script = new Script(`${common}
local name, write, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local found = read(name)
if found[1] then
  if found[10] == write then return { found, number(now), 0 } end
  return false
end
local age = call('INCR', base .. ':count')
local saga = { ARGV[4], ARGV[5], ARGV[6], '1', ARGV[7], number(now), number(now), ARGV[8], number(now + lease), write, number(age) }
call('HSET', recordKey(name), 't', saga[1], 'i', saga[2], 's', saga[3], 'r', saga[4], 'd', saga[5], 'c', saga[6], 'u', saga[7], 'b', saga[8],
  'l', saga[9], 'w', write, 'n', saga[11])
call('ZADD', base .. ':all', age, name)
call('ZADD', base .. ':status:' .. saga[3], age, name)
place(name, saga)
return { saga, number(now), 0 }
`)

/** KEYS: base. ARGV: name, write, lease. Answers the saga, the time and whether a lease had lapsed; 'busy'; or nothing. */
export const claimScript: Script = new Script(`${common}
local saga = read(ARGV[1])
if not saga[1] then return false end
if saga[10] == ARGV[2] then return { saga, number(now), tonumber(call('HGET', recordKey(ARGV[1]), 'lapsed') or '0') } end
if tonumber(saga[9]) > now then return 'busy' end
return claim(ARGV[1], saga, tonumber(ARGV[3]), ARGV[2])
`)

/** KEYS: base. ARGV: write, lease, limit, types. Answers what was claimed, and in how many milliseconds the next is due, or ''. */
export const claimDueScript: Script = new Script(`${common}
local limit = tonumber(ARGV[3])
local due, nextAt = {}, nil
for index = 4, #ARGV do
  local key = base .. ':due:' .. ARGV[index]
  local found = call('ZRANGEBYSCORE', key, '-inf', number(now), 'WITHSCORES', 'LIMIT', 0, limit + 1)
  for at = 1, #found, 2 do due[#due + 1] = { found[at], tonumber(found[at + 1]), key } end
  local later = call('ZRANGEBYSCORE', key, '(' .. number(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  if later and (not nextAt or tonumber(later) < nextAt) then nextAt = tonumber(later) end
end
table.sort(due, function(a, b) return a[2] < b[2] end)
if #due > limit then nextAt = now end
local claimed = {}
for at = 1, math.min(limit, #due) do
  local name = due[at][1]
  local saga = read(name)
  -- removed by hand, or evicted: it must not keep the others from being claimed
  if saga[1] then claimed[#claimed + 1] = claim(name, saga, tonumber(ARGV[2]), ARGV[1])
  else call('ZREM', due[at][3], name) end
end
return { claimed, nextAt and number(nextAt - now) or '' }
`)

/** KEYS: base. ARGV: name, write, revision, lease or '', status, due, body. Answers the saga, or nothing where the revision is another. */
export const saveScript: Script = new Script(`${common}
local name, write = ARGV[1], ARGV[2]
local saga = read(name)
if not saga[1] then return false end
if saga[10] == write then return saga end
if saga[4] ~= ARGV[3] then return false end
local before = saga[3]
saga[3], saga[4], saga[5], saga[7], saga[8] = ARGV[5], number(tonumber(saga[4]) + 1), ARGV[6], number(now), ARGV[7]
saga[9] = ARGV[4] == '' and '0' or number(now + tonumber(ARGV[4]))
call('HSET', recordKey(name), 's', saga[3], 'r', saga[4], 'd', saga[5], 'u', saga[7], 'b', saga[8], 'l', saga[9], 'w', write)
if before ~= saga[3] then
  call('ZREM', base .. ':status:' .. before, name)
  call('ZADD', base .. ':status:' .. saga[3], saga[11], name)
end
place(name, saga)
return saga
`)

/** KEYS: base. ARGV: name, revision, lease. Answers 1, or 0 where it is lost. */
export const renewScript: Script = new Script(`${common}
local saga = read(ARGV[1])
if not saga[1] or saga[4] ~= ARGV[2] then return 0 end
saga[9] = number(now + tonumber(ARGV[3]))
call('HSET', recordKey(ARGV[1]), 'l', saga[9])
place(ARGV[1], saga)
return 1
`)

/** KEYS: base. ARGV: name, status, before. Removes it where it is of that status and ended before. Answers 1 or 0. */
export const removeEndedScript: Script = new Script(`${common}
local saga = read(ARGV[1])
if not saga[1] or saga[3] ~= ARGV[2] or tonumber(saga[7]) >= tonumber(ARGV[3]) then return 0 end
call('DEL', recordKey(ARGV[1]))
call('ZREM', base .. ':all', ARGV[1])
call('ZREM', base .. ':status:' .. ARGV[2], ARGV[1])
call('ZREM', base .. ':due:' .. saga[1], ARGV[1])
return 1
`)
