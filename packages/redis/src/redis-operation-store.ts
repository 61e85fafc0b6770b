import { hash } from 'node:crypto'
import type { Abortable, IOperationStore, OperationClaim, OperationEnd, OperationState } from '@interline/core'
import { type Links, linksOf } from './links.js'
import { type RedisConnectionOptions, resolveConnection } from './redis-options.js'
import {
  beginOperationScript,
  completeOperationScript,
  releaseOperationScript,
  renewOperationScript,
  type Script,
} from './scripts/index.js'

/** Operations that may be asked for more than once, a key for each, which the server removes when its time is up. */
export class RedisOperationStore implements IOperationStore {
  readonly #links: Links
  readonly #prefix: string

  constructor(options: RedisConnectionOptions = {}) {
    const resolved = resolveConnection(options)
    this.#links = linksOf(resolved, 'control')
    this.#prefix = resolved.prefix
  }

  async begin(key: string, { owner, fingerprint, leaseMs }: OperationClaim, options?: Abortable): Promise<OperationState> {
    const answer = String(await this.#run(beginOperationScript, key, [owner, fingerprint, String(leaseMs)], options))
    if (answer === 'begun' || answer === 'busy' || answer === 'other') return { kind: answer }
    return { kind: 'done', outcome: answer.slice(1) }
  }

  async renew(key: string, { owner, leaseMs }: Pick<OperationClaim, 'owner' | 'leaseMs'>, options?: Abortable): Promise<boolean> {
    return (await this.#run(renewOperationScript, key, [owner, String(leaseMs)], options)) === 1
  }

  async complete(key: string, { owner, outcome, ttlMs }: OperationEnd, options?: Abortable): Promise<boolean> {
    return (await this.#run(completeOperationScript, key, [owner, outcome, String(Math.ceil(ttlMs))], options)) === 1
  }

  async release(key: string, owner: string, options?: Abortable): Promise<void> {
    await this.#run(releaseOperationScript, key, [owner], options)
  }

  close(): void {
    this.#links.close()
  }

  #run(script: Script, key: string, values: readonly string[], options: Abortable | undefined): Promise<unknown> {
    options?.signal?.throwIfAborted()
    const name = `{${this.#prefix}:operation:${hash('sha256', key, 'base64url')}}`
    return this.#links.at(name).run((client) => script.run(client, [name], values))
  }
}
