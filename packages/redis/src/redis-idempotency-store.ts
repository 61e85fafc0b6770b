import { hash } from 'node:crypto'
import type { Abortable, Claim, ClaimOptions, ClaimResult, CompleteOptions, IIdempotencyStore } from '@interline/core'
import { Link } from './connections.js'
import { KeySpace } from './key-space.js'
import { type RedisConnectionOptions, resolveConnection } from './redis-options.js'
import { claimKeysScript, completeKeysScript, releaseKeysScript, renewKeysScript } from './scripts/index.js'

const results: Readonly<Record<number, ClaimResult>> = { 0: 'busy', 1: 'claimed', 2: 'done' }

/** What was handled, one small key each, which the server removes when its time is up. A batch is one call. */
export class RedisIdempotencyStore implements IIdempotencyStore {
  readonly #link: Link
  readonly #prefix: string
  readonly #names = new WeakMap<Claim, string>()

  /** With options it opens a connection of its own, to be closed by `close`; a broker gives its own. */
  constructor(source: RedisConnectionOptions | { readonly link: Link; readonly keys: KeySpace } = {}) {
    if ('link' in source) {
      this.#link = source.link
      this.#prefix = `${source.keys.prefix}:done:`
    } else {
      const options = resolveConnection(source)
      this.#link = new Link(options, 'control')
      this.#prefix = `${new KeySpace(options.prefix).prefix}:done:`
    }
  }

  async claim(claims: readonly Claim[], options: ClaimOptions): Promise<readonly ClaimResult[]> {
    options.signal?.throwIfAborted()
    if (claims.length === 0) return []
    const values = [String(options.leaseMs), ...claims.map(({ owner }) => owner)]
    const answers = (await this.#link.run((client) => claimKeysScript.run(client, this.#keys(claims), values))) as number[]
    return answers.map((answer) => results[answer] ?? 'busy')
  }

  async renew(claims: readonly Claim[], options: ClaimOptions): Promise<void> {
    options.signal?.throwIfAborted()
    if (claims.length === 0) return
    const values = [String(options.leaseMs), ...claims.map(({ owner }) => owner)]
    await this.#link.run((client) => renewKeysScript.run(client, this.#keys(claims), values))
  }

  async complete(claims: readonly Claim[], options: CompleteOptions): Promise<void> {
    options.signal?.throwIfAborted()
    if (claims.length === 0) return
    await this.#link.run((client) => completeKeysScript.run(client, this.#keys(claims), [String(options.ttlMs)]))
  }

  async release(claims: readonly Claim[], options?: Abortable): Promise<void> {
    options?.signal?.throwIfAborted()
    if (claims.length === 0) return
    const values = claims.map(({ owner }) => owner)
    await this.#link.run((client) => releaseKeysScript.run(client, this.#keys(claims), values))
  }

  /** Counts by walking through the database: for a look now and then, not for every second. */
  async size(options?: Abortable): Promise<number> {
    let count = 0
    let cursor = '0'
    const pattern = `${this.#prefix.replace(/[*?[\]\\^]/g, '\\$&')}*`
    do {
      options?.signal?.throwIfAborted()
      const [next, found] = await this.#link.run((client) => client.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000))
      cursor = next
      count += found.length
    } while (cursor !== '0')
    return count
  }

  close(): void {
    this.#link.close()
  }

  /** Long keys become 128 bits of their hash: there may be millions of them. A claim that comes again is not hashed again. */
  #keys(claims: readonly Claim[]): string[] {
    return claims.map((claim) => {
      let name = this.#names.get(claim)
      if (name === undefined) {
        const { key } = claim
        name = this.#prefix + (key.length <= 22 ? key : hash('sha256', key, 'base64url').slice(0, 22))
        this.#names.set(claim, name)
      }
      return name
    })
  }
}
