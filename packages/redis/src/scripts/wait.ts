/**
 * Keeps an entry in a sorted set until it is due. Members of one due time are in the order of their bytes: a place in front keeps them in the
 * order of their coming. What follows is a list of a name, which tells members apart, and the entry's fields.
 */
export const wait = `
local places = {}
local function wait(set, due, named)
  local line = due .. set
  local place = places[line]
  if not place then
    local last = redis.call('ZRANGE', set, due, due, 'BYSCORE', 'REV', 'LIMIT', 0, 1)[1] or ''
    place = tonumber(string.sub(last, 1, 16)) or 0
  end
  places[line] = place + 1
  redis.call('ZADD', set, due, string.format('%016.0f', place + 1) .. cmsgpack.pack(named))
end
`

/**
 * The list of a member. An entry of more fields than Lua can pass on is made one that is no event, with what it had as text: nothing gets
 * lost, and nothing has to wait for it.
 */
export const waited = `
local function waited(member)
  local named = cmsgpack.unpack(string.sub(member, 17))
  local count = #named
  if count <= 7900 then return named end
  local fields = {}
  for i = 2, count - 5, 2 do fields[#fields + 1] = { named[i], named[i + 1] } end
  return { named[1], 'data', cjson.encode(fields), named[count - 3], named[count - 2], named[count - 1], named[count] }
end
`
