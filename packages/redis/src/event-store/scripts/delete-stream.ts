import { Script } from '../../scripts/script.js'

/**
 * Takes a stream out of sight at once, and says so in the global order. Its events wait under another name until their traces are removed.
 *
 * KEYS: state, log, the stream, deletions, the other name.
 * ARGV: expected version, stream, scope, name of this deletion, type of the log's entry.
 * Answers `deleted`, also where this deletion was done before; `absent`; `conflict` with the actual version; `scope`.
 */
export const deleteStreamScript: Script = new Script(`
local call, match = redis.call, string.match
local expected, stream = ARGV[1], ARGV[2]
local held = call('HMGET', KEYS[1], 'scope', 'position', 'time', 's:' .. stream, 'd:' .. stream)
if held[1] ~= ARGV[3] then return { 'scope' } end
if held[5] == ARGV[4] then return { 'deleted' } end
local version, before = tonumber(held[4] or '0'), 0
if not version then
  local v, b = match(held[4], '^(%d+):(%d+):')
  version, before = tonumber(v), tonumber(b)
end
local deleted = version > 0 and version == before
local wanted = tonumber(expected)
local fits
if wanted then fits = wanted == version or (wanted == 0 and deleted)
elseif expected == 'any' then fits = true
elseif expected == 'no-stream' then fits = version == 0 or deleted
else fits = version > 0 and not deleted end
if not fits then return { 'conflict', (deleted and not wanted) and 0 or version } end
if version == 0 or deleted then return { 'absent' } end

local clock = call('TIME')
local time = math.max(clock[1] * 1000 + math.floor(clock[2] / 1000), tonumber(held[3] or '0')) .. ''
local position = tonumber(held[2] or '0') + 1
call('XADD', KEYS[2], position .. '-0', 'stream', stream, 'version', version, 'time', time, 'kind', ARGV[5])
call('HSET', KEYS[1], 'position', position, 'time', time,
  's:' .. stream, version .. ':' .. version .. ':' .. position, 'd:' .. stream, ARGV[4])
if call('EXISTS', KEYS[3]) == 1 then
  call('RENAME', KEYS[3], KEYS[5])
  call('HSET', KEYS[4], ARGV[4], stream)
end
return { 'deleted' }
`)
