import type { Redis } from 'ioredis'
import { ClusterLinks } from './cluster/cluster-links.js'
import { Link, type LinkPurpose, type Report } from './connections.js'
import type { ResolvedConnection } from './redis-options.js'

/** The way to the server that has certain keys. */
export interface Route {
  /** A connected client. Rejects with ConnectionError, without a secret, when that takes longer than `connectTimeoutMs`. */
  open(): Promise<Redis> | Redis
  /** Runs it once. A connection that breaks meanwhile is given up; what became of the work nobody knows. */
  once<T>(work: (client: Redis) => Promise<T>): Promise<T>
  /**
   * Runs what may be executed twice, and again after a broken connection until `timeoutMs` have passed. `again` tells the work that
   * an earlier try may have been executed.
   */
  run<T>(work: (client: Redis, again: boolean) => Promise<T>, timeoutMs?: number): Promise<T>
  /** Whether the server, asked again, may do it. */
  mayPass(error: unknown): boolean
  /** Gives up a client that no longer answers. */
  discard(client: Redis): void
}

/** The connections of one purpose: to one server, or to every node of a cluster. */
export interface Links {
  /** Keys of one call must share a hash tag. */
  readonly sharded: boolean
  readonly ready: boolean
  /** Where a key is, and with it every other key of its hash tag. */
  at(key: string): Route
  /** Parts of which each can go into one call: on a cluster, those of one slot. In the order of the items. */
  split<T>(items: readonly T[], keyOf: (item: T) => string): readonly (readonly T[])[]
  /** Every server that has keys. */
  masters(): Promise<readonly Route[]>
  close(): void
}

export function linksOf(options: ResolvedConnection, purpose: LinkPurpose, report?: Report): Links {
  return options.cluster === undefined ? new Link(options, purpose, report) : new ClusterLinks(options, purpose, report)
}
