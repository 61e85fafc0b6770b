import { hash } from 'node:crypto'
import type { Abortable, Claim, ClaimOptions, ClaimResult, CompleteOptions, IIdempotencyStore } from '@interline/core'
import { type KeySpace, partitionOf } from './key-space.js'
import { type Links, linksOf, type Route } from './links.js'
import { type RedisConnectionOptions, resolveConnection } from './redis-options.js'
import { claimKeysScript, completeKeysScript, releaseKeysScript, renewKeysScript, type Script } from './scripts/index.js'

/** Hash tags on a cluster. */
const buckets = 32
const resultOf: Readonly<Record<number, ClaimResult>> = { 0: 'busy', 1: 'claimed', 2: 'done' }

/** What was handled, one small key each, which the server removes when its time is up. A batch is one call. */
export class RedisIdempotencyStore implements IIdempotencyStore {
  readonly #links: Links
  readonly #prefix: string
  readonly #names = new WeakMap<Claim, string>()

  /** With options it opens a connection of its own, to be closed by `close`; a broker gives its own. */
  constructor(source: RedisConnectionOptions | { readonly links: Links; readonly keys: KeySpace } = {}) {
    if ('links' in source) {
      this.#links = source.links
      this.#prefix = source.keys.prefix
    } else {
      const options = resolveConnection(source)
      this.#links = linksOf(options, 'control')
      this.#prefix = options.prefix
    }
  }

  async claim(claims: readonly Claim[], options: ClaimOptions): Promise<readonly ClaimResult[]> {
    options.signal?.throwIfAborted()
    const results = new Map<Claim, ClaimResult>()
    await this.#each(
      claimKeysScript,
      claims,
      (owners) => [String(options.leaseMs), ...owners],
      (part, answers) => {
        for (const [index, claim] of part.entries()) results.set(claim, resultOf[(answers as number[])[index] ?? 0] ?? 'busy')
      },
    )
    return claims.map((claim) => results.get(claim) ?? 'busy')
  }

  async renew(claims: readonly Claim[], options: ClaimOptions): Promise<void> {
    options.signal?.throwIfAborted()
    await this.#each(renewKeysScript, claims, (owners) => [String(options.leaseMs), ...owners])
  }

  async complete(claims: readonly Claim[], options: CompleteOptions): Promise<void> {
    options.signal?.throwIfAborted()
    await this.#each(completeKeysScript, claims, () => [String(options.ttlMs)])
  }

  async release(claims: readonly Claim[], options?: Abortable): Promise<void> {
    options?.signal?.throwIfAborted()
    await this.#each(releaseKeysScript, claims, (owners) => owners)
  }

  /** Counts by walking through the database: for a look now and then, not for every second. */
  async size(options?: Abortable): Promise<number> {
    let count = 0
    const pattern = `${this.#links.sharded ? '{' : ''}${this.#prefix.replace(/[*?[\]\\^]/g, '\\$&')}:done:*`
    for (const master of await this.#links.masters()) {
      let cursor = '0'
      do {
        options?.signal?.throwIfAborted()
        const [next, found] = await master.run((client) => client.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000))
        cursor = next
        count += found.length
      } while (cursor !== '0')
    }
    return count
  }

  async #each(
    script: Script,
    claims: readonly Claim[],
    values: (owners: readonly string[]) => readonly string[],
    answered: (part: readonly Claim[], answers: unknown) => void = () => undefined,
  ): Promise<void> {
    const one = async (part: readonly Claim[], route: Route): Promise<void> => {
      const keys = part.map((claim) => this.#name(claim))
      answered(part, await route.run((client) => script.run(client, keys, values(part.map(({ owner }) => owner)))))
    }
    const parts = this.#links.split(claims, (claim) => this.#name(claim))
    await Promise.all(parts.map((part) => one(part, this.#links.at(this.#name(part[0] as Claim)))))
  }

  close(): void {
    this.#links.close()
  }

  /** Long keys become 128 bits of their hash: there may be millions of them. A claim that comes again is not hashed again. */
  #name(claim: Claim): string {
    let name = this.#names.get(claim)
    if (name === undefined) {
      const { key } = claim
      const short = key.length <= 22 ? key : hash('sha256', key, 'base64url').slice(0, 22)
      // so few that a batch is few calls, and so many that every node gets its part
      name = this.#links.sharded ? `{${this.#prefix}:done:${partitionOf(key, buckets)}}:${short}` : `${this.#prefix}:done:${short}`
      this.#names.set(claim, name)
    }
    return name
  }
}
