import { Script } from './script.js'

/**
 * Removes handled history beyond the retention, and nothing that any group has not handled. Also looks for what is missing: entries that
 * the group never saw and that are no longer there.
 *
 * KEYS: stream. ARGV: group, or '' for a reader without one; how many handled events to keep, or ''; how many milliseconds to keep them,
 * or ''. A stream that no group reads keeps all, unless a reader without one asks: then nobody else is there to wait for.
 * Answers how many were removed, and how many the group has lost since its stream began.
 */
export const trimScript: Script = new Script(`
local call = redis.call
local stream = KEYS[1]
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end
local function before(a, b)
  local ams, aseq = parts(a)
  local bms, bseq = parts(b)
  return ams < bms or (ams == bms and aseq < bseq)
end
local bound, lost
for _, flat in ipairs(call('XINFO', 'GROUPS', stream)) do
  local info = {}
  for i = 1, #flat, 2 do info[flat[i]] = flat[i + 1] end
  local handled = info['last-delivered-id']
  local ms, seq = string.match(handled, '^(%d+)-(%d+)$')
  -- a group that began at a time stands at the last number there is in a millisecond
  if #seq < 16 then handled = ms .. '-' .. string.format('%.0f', tonumber(seq) + 1) end
  if info['pending'] > 0 then handled = call('XPENDING', stream, info['name'])[2] end
  if not bound or before(handled, bound) then bound = handled end
  if info['name'] == ARGV[1] and type(info['lag']) == 'number' then
    lost = math.max(0, info['lag'] - call('XLEN', stream))
  end
end
if not bound then
  if ARGV[1] ~= '' then return { 0, 0 } end
  local newest = call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  if not newest then return { 0, 0 } end
  bound = newest[1]
end
local keep
if ARGV[2] ~= '' then
  local excess = math.min(call('XLEN', stream) - tonumber(ARGV[2]), 1000)
  if excess > 0 then
    local range = call('XRANGE', stream, '-', '+', 'COUNT', excess + 1)
    keep = #range > excess and range[#range][1] or bound
  end
end
if ARGV[3] ~= '' then
  local time = call('TIME')
  local old = string.format('%.0f-0', math.max(0, tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) - tonumber(ARGV[3])))
  if not keep or before(keep, old) then keep = old end
end
if not keep then return { 0, lost or 0 } end
if before(keep, bound) then bound = keep end
return { call('XTRIM', stream, 'MINID', bound), lost or 0 }
`)
