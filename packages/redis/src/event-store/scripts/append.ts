import { Script } from '../../scripts/script.js'

/**
 * Appends events to a stream and to the global order, all or none: every check comes before the first write, because Redis takes nothing
 * back. What was appended before, under the same ids and the same expectation, is answered with its first result.
 *
 * KEYS: state, log, the stream, then correlation indexes.
 * ARGV: number of events; expected version; stream; scope; each event's field of the state; then for each event: number of its
 * correlation index or 0, what the log is filtered by, the event, its data.
 * Answers `appended` or `repeated` with version and position; `conflict` with the actual version; `known` with the index of an event
 * that the store has already, and its stream; `scope` where the store is another than the caller knows; `damaged` where the stream has
 * events that the state knows nothing of.
 */
export const appendScript: Script = new Script(`
local call, unpack, match = redis.call, unpack, string.match
local count, expected, stream = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local home = 's:' .. stream
local held = call('HMGET', KEYS[1], 'scope', 'position', 'time', home, unpack(ARGV, 5, 4 + count))
if held[1] ~= ARGV[4] then return { 'scope' } end
local wanted, version, before, cut = tonumber(expected), tonumber(held[4] or '0'), 0, 0
if not version then
  local v, b, c = match(held[4], '^(%d+):(%d+):(%d+)$')
  version, before, cut = tonumber(v), tonumber(b), tonumber(c)
end
local deleted = version > 0 and version == before

local known, place
for i = 1, count do
  if held[i + 4] then
    local p, _, s = match(held[i + 4], '^(%d+):(%d+):(.*)$')
    local gone = cut
    if s ~= stream then gone = tonumber(match(call('HGET', KEYS[1], 's:' .. s) or '', ':(%d+)$') or '0') end
    if tonumber(p) > gone then
      known, place = i, s
      break
    end
  end
end
if known == 1 and place == stream then
  local first, position
  for i = 1, count do
    local p, v, s
    if held[i + 4] then p, v, s = match(held[i + 4], '^(%d+):(%d+):(.*)$') end
    first = first or tonumber(v)
    position = s == stream and tonumber(p) > cut and tonumber(v) == first + i - 1 and p
    if not position then break end
  end
  local same = expected == 'any' or expected == 'stream-exists' or first == (wanted or before) + 1
  if position and same then return { 'repeated', first + count - 1, position } end
end

local fits
if wanted then fits = wanted == version or (wanted == 0 and deleted)
elseif expected == 'any' then fits = true
elseif expected == 'no-stream' then fits = version == 0 or deleted
else fits = version > 0 and not deleted end
if not fits then return { 'conflict', (deleted and not wanted) and 0 or version } end
if known then return { 'known', known - 1, place } end
if count == 0 then return { 'appended', version, held[2] or '0' } end
if deleted and wanted == 0 then version, before = 0, 0 end
if version == before and call('EXISTS', KEYS[3]) == 1 then return { 'damaged' } end

local clock = call('TIME')
local time = math.max(clock[1] * 1000 + math.floor(clock[2] / 1000), tonumber(held[3] or '0')) .. ''
local position, at, changes, v, p = tonumber(held[2] or '0'), 4 + count, {}, nil, nil
for i = 1, count do
  position, version = position + 1, version + 1
  p, v = position .. '', version .. ''
  local index = ARGV[at + 1]
  place = p .. ':' .. v .. ':' .. stream
  call('XADD', KEYS[2], p .. '-0', 'stream', stream, 'version', v, 'time', time, 'kind', ARGV[at + 2])
  call('XADD', KEYS[3], '0-' .. v, 'position', p, 'time', time, 'event', ARGV[at + 3], 'data', ARGV[at + 4])
  if index ~= '0' then call('ZADD', KEYS[3 + index], p, place) end
  changes[i * 2 - 1], changes[i * 2] = ARGV[4 + i], place
  at = at + 4
end
if cut > 0 then v = v .. ':' .. before .. ':' .. cut end
call('HSET', KEYS[1], 'position', p, 'time', time, home, v, unpack(changes))
return { 'appended', version, p }
`)
