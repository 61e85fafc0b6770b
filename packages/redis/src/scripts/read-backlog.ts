import { Script } from './script.js'

/**
 * Reads what is new for a consumer of a group without waiting for it, and answers in one text: a reply of a hundred entries has thousands
 * of small parts, which take a client longer to read than everything else it does with them.
 *
 * KEYS: streams. ARGV: group, consumer, how many entries of each stream at most.
 * Answers `false` where there is nothing, else JSON: lists of field names, then for each stream that has entries its key and the entries,
 * each as its id, the number of its list of names (from 1), and the values.
 */
export const readBacklogScript: Script = new Script(`
local arguments = { 'XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS' }
for _, key in ipairs(KEYS) do arguments[#arguments + 1] = key end
for _ in ipairs(KEYS) do arguments[#arguments + 1] = '>' end
local reply = redis.call(unpack(arguments))
if not reply then return false end
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
`)
