import type { Abortable, IRateLimiter, Rate } from '@interline/core'
import { type Links, linksOf } from './links.js'
import { type RedisConnectionOptions, resolveConnection } from './redis-options.js'
import { reserveScript } from './scripts/index.js'

/** Rate limits counted on the server, by its clock, over all processes that share a prefix. One call for each run. */
export class RedisRateLimiter implements IRateLimiter {
  readonly #links: Links
  readonly #prefix: string

  constructor(options: RedisConnectionOptions = {}) {
    const resolved = resolveConnection(options)
    this.#links = linksOf(resolved, 'control')
    this.#prefix = `${resolved.prefix}:rate:`
  }

  /** An answer that is lost costs a place, and lets nothing run too early. */
  async reserve(name: string, { intervalMs, burst }: Rate, { signal }: Abortable = {}): Promise<number> {
    signal?.throwIfAborted()
    const key = this.#prefix + name
    const waitUs = await this.#links
      .at(key)
      .run((client) => reserveScript.run(client, [key], [String(Math.ceil(intervalMs * 1_000)), String(burst)]))
    return Number(waitUs) / 1_000
  }

  close(): void {
    this.#links.close()
  }
}
