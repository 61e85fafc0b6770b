import { ConfigurationError } from '@interline/core'
import type { KeySpace } from './key-space.js'
import type { Links, Route } from './links.js'

/** Which destinations exist and how many partitions each has. The first to use one decides, for good. */
export class Destinations {
  readonly #links: Links
  readonly #keys: KeySpace
  readonly #partitions: number
  readonly #known = new Set<string>()

  constructor(links: Links, keys: KeySpace, partitions: number) {
    this.#links = links
    this.#keys = keys
    this.#partitions = partitions
  }

  knows(destination: string): boolean {
    return this.#known.has(destination)
  }

  /** Rejects with ConfigurationError where the destination was made with another number of partitions. */
  async ensure(destination: string, force: boolean = false): Promise<void> {
    if (this.#known.has(destination) && !force) return
    const stored = await this.#route.run(async (client) => {
      const name = this.#keys.destinations
      // looked for first: a full server takes nothing, and may know it
      const known = await client.hget(name, destination)
      if (known !== null) return Number(known)
      await client.hsetnx(name, destination, String(this.#partitions))
      return Number(await client.hget(name, destination))
    })
    this.#check(destination, stored)
    this.#known.add(destination)
  }

  async list(): Promise<string[]> {
    const stored = await this.#route.run((client) => client.hgetall(this.#keys.destinations))
    return Object.keys(stored).sort()
  }

  /** The partitions of a destination that exists; of one that does not, those that it would get. */
  async partitionsOf(destination: string): Promise<number> {
    const stored = await this.#route.run((client) => client.hget(this.#keys.destinations, destination))
    return stored === null ? this.#partitions : Number(stored)
  }

  get #route(): Route {
    return this.#links.at(this.#keys.destinations)
  }

  #check(destination: string, stored: number): void {
    if (stored === this.#partitions) return
    throw new ConfigurationError(
      `Destination "${destination}" has ${stored} partitions in Redis, and redis.partitions is ${this.#partitions}. The number is fixed for life, ` +
        `because order by key hangs on it. Set redis.partitions to ${stored}, or use another prefix.`,
    )
  }
}
