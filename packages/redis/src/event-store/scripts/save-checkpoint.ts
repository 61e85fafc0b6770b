import { Script } from '../../scripts/script.js'

/** KEYS: checkpoints. ARGV: name, position, what it must be, or '' for none. Answers 1, or 0 and writes nothing. */
export const saveCheckpointScript: Script = new Script(`
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
`)
