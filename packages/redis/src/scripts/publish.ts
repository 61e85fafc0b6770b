import { Script } from './script.js'
import { wait } from './wait.js'

/**
 * Stores a publisher's batch once, in its order, however often it is sent. A publisher numbers its batches and sends one at a time:
 * a number that is not above the last stored one was stored before, also when it arrives late from a dead connection.
 *
 * KEYS: the publisher's counter; then streams; then sorted sets of what waits; then, where news is told, the mark of those who wait for it.
 * ARGV: batch number; milliseconds the counter is kept; the channel of the news or ''; number of streams; number of shapes; the shapes, each as its number of fields
 * and then, for each field, its name and either `=` and the value that all messages have, or `*`; then the messages, each as shape index
 * × 4096 + key index, due time where the key is a sorted set, and the values of the fields marked `*`.
 * Answers 1 where the batch was stored now, 0 where it was stored before.
 */
export const publishScript: Script = new Script(`${wait}
local call, unpack = redis.call, unpack
if (tonumber(call('GET', KEYS[1]) or '0')) >= tonumber(ARGV[1]) then return 0 end
call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local streams, shapes, at = tonumber(ARGV[4]), {}, 6
for s = 1, tonumber(ARGV[5]) do
  local count = tonumber(ARGV[at])
  local entry, vary = {}, {}
  at = at + 1
  for field = 1, count do
    entry[field * 2 - 1] = ARGV[at]
    if ARGV[at + 1] == '=' then
      entry[field * 2] = ARGV[at + 2]
      at = at + 3
    else
      vary[#vary + 1] = field * 2
      at = at + 2
    end
  end
  shapes[s] = { entry, vary, #vary, count * 2 }
end
local last, number = #ARGV, 0
while at <= last do
  local head = tonumber(ARGV[at])
  local shape = shapes[math.floor(head / 4096) + 1]
  local place = head % 4096
  local key, due = KEYS[place + 2], nil
  if place >= streams then
    at = at + 1
    due = ARGV[at]
  end
  local entry, vary, varying = shape[1], shape[2], shape[3]
  for v = 1, varying do entry[vary[v]] = ARGV[at + v] end
  if due then
    number = number + 1
    wait(key, due, { KEYS[1] .. ':' .. ARGV[1] .. ':' .. number, unpack(entry, 1, shape[4]) })
  else
    call('XADD', key, '*', unpack(entry, 1, shape[4]))
  end
  at = at + varying + 1
end
if ARGV[3] ~= '' and call('DEL', KEYS[#KEYS]) == 1 then call('PUBLISH', ARGV[3], '') end
return 1
`)
