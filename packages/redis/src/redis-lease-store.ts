import type { Abortable, ILeaseStore, Lease, LeaseOptions } from '@interline/core'
import { type Links, linksOf } from './links.js'
import { type RedisConnectionOptions, resolveConnection } from './redis-options.js'
import { acquireLeaseScript, releaseLeaseScript, renewLeaseScript } from './scripts/index.js'

/** Leases that end by the server's clock, each under a token that grows with every owner. Fenced, never consensus: a failover can forget one. */
export class RedisLeaseStore implements ILeaseStore {
  readonly #links: Links
  readonly #prefix: string

  constructor(options: RedisConnectionOptions = {}) {
    const resolved = resolveConnection(options)
    this.#links = linksOf(resolved, 'control')
    this.#prefix = resolved.prefix
  }

  async acquire(name: string, owner: string, options: LeaseOptions): Promise<Lease | undefined> {
    options.signal?.throwIfAborted()
    const keys = [this.#key(name), `${this.#key(name)}:token`]
    const token = Number(
      await this.#links.at(this.#key(name)).run((client) => acquireLeaseScript.run(client, keys, [owner, String(options.durationMs)])),
    )
    return token === 0 ? undefined : { name, owner, token }
  }

  async renew(lease: Lease, options: LeaseOptions): Promise<boolean> {
    options.signal?.throwIfAborted()
    const values = [`${lease.owner}:${lease.token}`, String(options.durationMs)]
    return (
      (await this.#links.at(this.#key(lease.name)).run((client) => renewLeaseScript.run(client, [this.#key(lease.name)], values))) === 1
    )
  }

  async release(lease: Lease, options?: Abortable): Promise<void> {
    options?.signal?.throwIfAborted()
    await this.#links
      .at(this.#key(lease.name))
      .run((client) => releaseLeaseScript.run(client, [this.#key(lease.name)], [`${lease.owner}:${lease.token}`]))
  }

  close(): void {
    this.#links.close()
  }

  #key(name: string): string {
    return `{${this.#prefix}:lease:${name}}`
  }
}
