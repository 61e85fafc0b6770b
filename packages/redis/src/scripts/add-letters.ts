import { Script } from './script.js'

/** KEYS: dead letters, dead letters by time. ARGV: for each letter: id, time, text. */
export const addLettersScript: Script = new Script(
  `
for i = 1, #ARGV, 3 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
  redis.call('ZADD', KEYS[2], ARGV[i + 1], ARGV[i])
end
return 1
`,
  { whenFull: true },
)
