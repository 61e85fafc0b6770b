import { Redis } from 'ioredis'
import type { RedisChoice } from '../../places/choices.js'
import { LatencyHistogram } from './latency-histogram.js'
import { type Effect, type Incident, type Ledger, type LedgerContents, type LedgerProgress, listLength } from './ledger.js'

/** KEYS: handled, repeated, counts, list. ARGV: handler, delivery, line, length of the list, counters. */
const recordScript = `
if redis.call('SADD', KEYS[1], ARGV[2]) == 0 then
  redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
  return 0
end
for index = 5, #ARGV do redis.call('HINCRBY', KEYS[3], ARGV[index], 1) end
if ARGV[3] ~= '' then
  redis.call('LPUSH', KEYS[4], ARGV[3])
  redis.call('LTRIM', KEYS[4], 0, ARGV[4] - 1)
end
return 1`

type WithRecord = Redis & { record(...keysAndArguments: (string | number)[]): Promise<number> }

/** For runs whose handlers are other processes, any of which may be killed at any time. */
export class RedisLedger implements Ledger {
  readonly #redis: WithRecord
  readonly #root: string
  readonly #handlers: readonly string[]
  readonly #onError: (error: Error) => void

  constructor({ url, prefix }: RedisChoice['redis'], handlers: readonly string[], onError: (error: Error) => void) {
    this.#root = `{${prefix}:ledger}`
    this.#handlers = handlers
    this.#onError = onError
    const redis = new Redis(url, { enableAutoPipelining: true, lazyConnect: true })
    redis.on('error', onError)
    redis.defineCommand('record', { numberOfKeys: 4, lua: recordScript })
    this.#redis = redis as WithRecord
  }

  async record(handler: string, delivery: string, { list, line, counts = [] }: Effect): Promise<void> {
    const keys = [this.#handled(handler), this.#key('repeated'), this.#key('counts'), this.#key(`list:${list ?? 'feed'}`)]
    await this.#redis.record(...keys, handler, delivery, line ?? '', listLength, ...counts)
  }

  incident(kind: Incident, handler: string, mark: string): void {
    this.#redis.sadd(this.#incidents(kind, handler), mark).catch(this.#onError)
  }

  latency(handler: string, durationMs: number): void {
    this.#redis.hincrby(this.#latencies(handler), String(LatencyHistogram.bucketOf(durationMs)), 1).catch(this.#onError)
  }

  async progress(): Promise<LedgerProgress> {
    const [handled, retried, duplicates] = await Promise.all([
      this.#each((handler) => this.#redis.scard(this.#handled(handler))),
      this.#each((handler) => this.#redis.scard(this.#incidents('retried', handler))),
      this.#each((handler) => this.#redis.scard(this.#incidents('duplicate', handler))),
    ])
    return { handled, retried, duplicates }
  }

  async read(): Promise<LedgerContents> {
    const [progress, handled, latencies, repeated, counts, feed, findings] = await Promise.all([
      this.progress(),
      this.#each((handler) => this.#redis.smembers(this.#handled(handler))),
      this.#each(async (handler) => histogramOf(await this.#redis.hgetall(this.#latencies(handler)))),
      this.#redis.hgetall(this.#key('repeated')),
      this.#redis.hgetall(this.#key('counts')),
      this.#redis.lrange(this.#key('list:feed'), 0, -1),
      this.#redis.lrange(this.#key('list:findings'), 0, -1),
    ])
    return { ...progress, handled, latencies, repeated: numbersOf(repeated), counts: numbersOf(counts), lists: { feed, findings } }
  }

  /** What was sent before is answered first. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#redis.status === 'ready') await this.#redis.quit()
    else this.#redis.disconnect()
  }

  async #each<T>(read: (handler: string) => Promise<T>): Promise<ReadonlyMap<string, T>> {
    return new Map(await Promise.all(this.#handlers.map(async (handler) => [handler, await read(handler)] as const)))
  }

  #handled(handler: string): string {
    return this.#key(`handled:${handler}`)
  }

  #incidents(kind: Incident, handler: string): string {
    return this.#key(`${kind}:${handler}`)
  }

  #latencies(handler: string): string {
    return this.#key(`latency:${handler}`)
  }

  #key(name: string): string {
    return `${this.#root}:${name}`
  }
}

function numbersOf(hash: Readonly<Record<string, string>>): ReadonlyMap<string, number> {
  return new Map(Object.entries(hash).map(([name, value]) => [name, Number(value)]))
}

function histogramOf(hash: Readonly<Record<string, string>>): LatencyHistogram {
  const histogram = new LatencyHistogram()
  for (const [bucket, times] of Object.entries(hash)) histogram.add(Number(bucket), Number(times))
  return histogram
}
