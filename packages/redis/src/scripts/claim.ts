import { Script } from './script.js'

/**
 * Finds pending entries of several streams, in the order of their ids, and takes them over.
 *
 * KEYS, for each section: stream, notes, lease.
 * ARGV: group; consumer; `own` (what the caller already has: read, without counting), `idle` (what others have left alone for so long) or
 * `all` (everything, under the lease); milliseconds of idleness; how many entries at most; then for each section: the lease's value or ''
 * and the id to begin after, or ''.
 * Answers for each section: whether the end was reached, the last id looked at, the entries as id, deliveries so far, fields, noted
 * progress or '', and the ids of pending entries that are no longer in the stream (those are acknowledged). `false` where the lease is gone.
 */
export const claimScript: Script = new Script(`
local call = redis.call
local group, me, mode, idle, room = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local answers = {}
for section = 1, #KEYS / 3 do
  local stream, notes, lease = KEYS[section * 3 - 2], KEYS[section * 3 - 1], KEYS[section * 3]
  local fence, after = ARGV[4 + section * 2], ARGV[5 + section * 2]
  if fence ~= '' and call('GET', lease) ~= fence then
    answers[section] = false
  else
    local start = after == '' and '-' or '(' .. after
    local pending
    if room <= 0 then
      pending = {}
    elseif mode == 'own' then
      pending = call('XPENDING', stream, group, start, '+', room, me)
    elseif mode == 'idle' then
      pending = call('XPENDING', stream, group, 'IDLE', idle, start, '+', room)
    else
      pending = call('XPENDING', stream, group, start, '+', room)
    end
    local finished = room > 0 and #pending < room
    local entries, gone = {}, {}
    for _, item in ipairs(pending) do
      local id, count = item[1], item[4]
      after = id
      if mode ~= 'idle' or item[2] ~= me then
        local entry
        if mode == 'own' then
          entry = call('XRANGE', stream, id, id)[1]
        else
          entry = call('XCLAIM', stream, group, me, mode == 'idle' and idle or 0, id)[1]
          count = count + 1
        end
        if entry then
          entries[#entries + 1] = { id, count, entry[2], call('HGET', notes, id) or '' }
          room = room - 1
        else
          call('XACK', stream, group, id)
          call('HDEL', notes, id)
          gone[#gone + 1] = id
        end
      end
    end
    answers[section] = { finished and 1 or 0, after, entries, gone }
  end
end
return answers
`)
