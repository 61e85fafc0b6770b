import { Script } from './script.js'

/** A stream's snapshots are a hash; a field is `version:schema version:time`, so that nothing but names is read to choose one. */
const fields = `
local function read(field)
  local version, schema, taken = string.match(field, '^(%d+):(%d+):(%d+)$')
  return tonumber(version), tonumber(schema), tonumber(taken)
end
`

/** KEYS: snapshots. ARGV: the beginning `version:schema version:` that one of the same has, the field, the snapshot. */
export const saveSnapshotScript: Script = new Script(`
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, #ARGV[1]) == ARGV[1] then redis.call('HDEL', KEYS[1], field) end
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return 1
`)

/** KEYS: snapshots. ARGV: highest version, or ''; schema version, or ''. Answers field and snapshot of the newest, or nothing. */
export const loadSnapshotScript: Script = new Script(`${fields}
local newest, newestVersion, newestSchema
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  local version, schema = read(field)
  if (ARGV[1] == '' or version <= tonumber(ARGV[1])) and (ARGV[2] == '' or schema == tonumber(ARGV[2]))
    and (not newest or version > newestVersion or (version == newestVersion and schema > newestSchema)) then
    newest, newestVersion, newestSchema = field, version, schema
  end
end
if not newest then return nil end
return { newest, redis.call('HGET', KEYS[1], newest) }
`)

/** KEYS: snapshots. ARGV: how many of the newest stay; the time before which the others were taken, or ''. Answers how many were removed. */
export const removeSnapshotsScript: Script = new Script(`${fields}
local all = {}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  local version, schema, taken = read(field)
  all[#all + 1] = { field = field, version = version, schema = schema, taken = taken }
end
table.sort(all, function (a, b)
  if a.version ~= b.version then return a.version > b.version end
  return a.schema > b.schema
end)
local removed = 0
for place = tonumber(ARGV[1]) + 1, #all do
  if ARGV[2] == '' or all[place].taken < tonumber(ARGV[2]) then
    redis.call('HDEL', KEYS[1], all[place].field)
    removed = removed + 1
  end
end
return removed
`)
