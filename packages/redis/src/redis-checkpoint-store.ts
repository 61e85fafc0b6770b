import type { Abortable, ICheckpointStore, Position } from '@interline/core'
import { type Links, linksOf } from './links.js'
import { type RedisConnectionOptions, resolveConnection } from './redis-options.js'
import { compareAndSetScript } from './scripts/index.js'

/** How far named readers have got, one key each. */
export class RedisCheckpointStore implements ICheckpointStore {
  readonly #links: Links
  readonly #prefix: string

  constructor(options: RedisConnectionOptions = {}) {
    const resolved = resolveConnection(options)
    this.#links = linksOf(resolved, 'control')
    this.#prefix = `${resolved.prefix}:checkpoint:`
  }

  async load(name: string, options?: Abortable): Promise<Position | undefined> {
    options?.signal?.throwIfAborted()
    return (await this.#links.at(this.#prefix + name).run((client) => client.get(this.#prefix + name))) ?? undefined
  }

  async save(name: string, position: Position, expected: Position | undefined, options?: Abortable): Promise<boolean> {
    options?.signal?.throwIfAborted()
    const values = [expected ?? '', expected === undefined ? 'new' : 'old', position]
    return this.#links.at(this.#prefix + name).run(async (client, again) => {
      const saved = (await compareAndSetScript.run(client, [this.#prefix + name], values)) === 1
      // The answer of an earlier try was lost: it may have been this very write.
      return saved || (again && (await client.get(this.#prefix + name)) === position)
    })
  }

  async remove(name: string, options?: Abortable): Promise<void> {
    options?.signal?.throwIfAborted()
    await this.#links.at(this.#prefix + name).run((client) => client.del(this.#prefix + name))
  }

  close(): void {
    this.#links.close()
  }
}
