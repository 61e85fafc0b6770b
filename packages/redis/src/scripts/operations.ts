import { Script } from './script.js'

// A hash for each operation: `f` its fingerprint, `o` who is at it, `r` how it ended. It ends with its lease, or when its result is forgotten.

/** KEYS: key. ARGV: owner, fingerprint, milliseconds. Answers `begun`, `busy`, `other`, or how it ended after `r`. */
export const beginOperationScript: Script = new Script(`
local known = redis.call('HMGET', KEYS[1], 'f', 'o', 'r')
if known[1] and known[1] ~= ARGV[2] then return 'other' end
if known[3] then return 'r' .. known[3] end
if known[2] and known[2] ~= ARGV[1] then return 'busy' end
redis.call('HSET', KEYS[1], 'f', ARGV[2], 'o', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 'begun'
`)

/** KEYS: key. ARGV: owner, milliseconds. Answers 1 where it is still the owner's. */
export const renewOperationScript: Script = new Script(`
local known = redis.call('HMGET', KEYS[1], 'o', 'r')
if known[1] ~= ARGV[1] or known[2] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`)

/** KEYS: key. ARGV: owner, how it ended, milliseconds. Answers 1 where it was still the owner's, or an earlier try of the same was. */
export const completeOperationScript: Script = new Script(`
local known = redis.call('HMGET', KEYS[1], 'o', 'r')
if known[1] ~= ARGV[1] or (known[2] and known[2] ~= ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'r', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`)

/** KEYS: key. ARGV: owner. */
export const releaseOperationScript: Script = new Script(`
local known = redis.call('HMGET', KEYS[1], 'o', 'r')
if known[1] == ARGV[1] and not known[2] then redis.call('DEL', KEYS[1]) end
return 1
`)
