import { Script } from './script.js'

/**
 * Reads what is new for a consumer of a group without waiting for it, and answers in one text: a reply of a hundred entries has thousands
 * of small parts, which take a client longer to read than everything else it does with them.
 *
 * KEYS: streams; then, where the reader waits for news, the mark that says so. ARGV: group, consumer, how many entries of each stream at
 * most, and how many milliseconds the mark stays, where there is one.
 * Answers `false` where there is nothing, else JSON: lists of field names, then for each stream that has entries its key and the entries,
 * each as its id, the number of its list of names (from 1), and the values.
 */
export const readBacklogScript: Script = new Script(
  `
local arguments = { 'XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS' }
local count = ARGV[4] and #KEYS - 1 or #KEYS
for i = 1, count do arguments[#arguments + 1] = KEYS[i] end
for _ = 1, count do arguments[#arguments + 1] = '>' end
local reply = redis.call(unpack(arguments))
if not reply then
  if ARGV[4] then redis.call('SET', KEYS[#KEYS], '1', 'PX', ARGV[4]) end
  return false
end
local shapes, streams = {}, {}
for _, stream in ipairs(reply) do
  local entries = {}
  for index, entry in ipairs(stream[2]) do
    local fields = entry[2]
    local count, shape = #fields, nil
    for known = 1, #shapes do
      local names = shapes[known]
      if #names * 2 == count then
        shape = known
        for name = 1, #names do
          if names[name] ~= fields[name * 2 - 1] then
            shape = nil
            break
          end
        end
        if shape then break end
      end
    end
    if not shape then
      local names = {}
      for field = 1, count, 2 do names[#names + 1] = fields[field] end
      shape = #shapes + 1
      shapes[shape] = names
    end
    local values = { entry[1], shape }
    for field = 2, count, 2 do values[#values + 1] = fields[field] end
    entries[index] = values
  end
  streams[#streams + 1] = { stream[1], entries }
end
return cjson.encode({ shapes, streams })
`,
  { whenFull: true },
)
