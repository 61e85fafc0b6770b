import { randomUUID } from 'node:crypto'
import { type Abortable, ConnectionError, type ILogger } from '@interline/core'
import type { Redis } from 'ioredis'
import { isReply } from '../connections.js'
import { type Links, linksOf, type Route } from '../links.js'
import { examineServer } from '../server-check.js'
import { type Durability, describeDurability, unknownDurability } from './durability.js'
import type { ResolvedEventStoreOptions } from './event-store-options.js'
import { abortable, failure } from './failure.js'
import type { StoreKeys } from './store-keys.js'

type LinkOptions = Pick<ResolvedEventStoreOptions, 'connection' | 'appendTimeoutMs' | 'logger'>

/**
 * The store's connections, one for what is appended and one for what is read, so that a large page holds nothing up. It also knows which
 * store this is: a scope is made with the first connection, and made anew where the server has lost its data.
 */
export class StoreLink {
  readonly keys: StoreKeys
  readonly #options: LinkOptions
  readonly #writing: Links
  readonly #reading: Links
  #connecting: Promise<void> | undefined
  #open = false
  scope = 'unknown'
  durability: Durability = unknownDurability
  /** What a person should know of how the server is set up. */
  warning: string | undefined
  /** Called once it is connected for the first time. */
  onOpen: () => void = () => undefined

  constructor(options: LinkOptions, keys: StoreKeys) {
    this.#options = options
    this.keys = keys
    this.#writing = linksOf(options.connection, 'publisher')
    this.#reading = linksOf(options.connection, 'control')
  }

  get logger(): Pick<ILogger, 'warn'> {
    return this.#options.logger
  }

  connect({ signal }: Abortable = {}): Promise<void> {
    this.#connecting ??= this.#connect().catch((error: unknown) => {
      this.#connecting = undefined
      throw error
    })
    return abortable(this.#connecting, signal)
  }

  /** For what may be executed twice. `again` tells the work that an earlier try may have been. */
  write<T>(what: string, work: (client: Redis, again: boolean) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#run(
      this.#writing.at(this.keys.state),
      this.#options.appendTimeoutMs,
      what,
      'It may have been done: ask for the same again.',
      work,
      signal,
    )
  }

  read<T>(what: string, work: (client: Redis) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#run(
      this.#reading.at(this.keys.state),
      this.#options.connection.commandTimeoutMs,
      what,
      'Try again when it answers.',
      work,
      signal,
    )
  }

  /** To be called when the server says that its store is not the one of this scope: its data was lost, and another store began. */
  async lost(): Promise<void> {
    const before = this.scope
    this.scope = await this.write('say which store it holds', (client) => this.#readScope(client))
    this.logger.warn(
      `Redis lost what the event store had stored (scope ${before}): it restarted without persistence, was flushed, or failed over. The store begins anew as ${this.scope}.`,
    )
  }

  close(): void {
    this.#writing.close()
    this.#reading.close()
  }

  async #run<T>(
    route: Route,
    timeoutMs: number,
    what: string,
    next: string,
    work: (client: Redis, again: boolean) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    signal?.throwIfAborted()
    if (!this.#open) await this.connect({ signal })
    try {
      return await abortable(route.run(work, timeoutMs), signal)
    } catch (thrown) {
      if (signal?.aborted === true && thrown === signal.reason) throw thrown
      throw failure(thrown, what, next)
    }
  }

  async #connect(): Promise<void> {
    const route = this.#writing.at(this.keys.state)
    const client = await route.open()
    try {
      this.warning = await examineServer(client, this.#writing.sharded)
      this.durability = describeDurability(await client.info('persistence'), await fsyncOf(client))
      this.scope = await this.#readScope(client)
    } catch (thrown) {
      route.discard(client)
      throw failure(thrown, 'open the event store', 'Check that the user may run INFO, EVAL and the commands of streams.')
    }
    if (this.warning !== undefined) this.logger.warn(this.warning)
    this.#open = true
    this.onOpen()
  }

  async #readScope(client: Redis): Promise<string> {
    await client.hsetnx(this.keys.state, 'scope', randomUUID())
    const scope = await client.hget(this.keys.state, 'scope')
    if (scope === null)
      throw new ConnectionError('Redis removed the state of the event store while it was opened. Give the store a server that keeps keys.')
    return scope
  }
}

/** `undefined` where the server does not tell, as hosted ones don't. */
async function fsyncOf(client: Redis): Promise<string | undefined> {
  try {
    const [, value] = (await client.config('GET', 'appendfsync')) as string[]
    return value
  } catch (error) {
    if (isReply(error)) return undefined
    throw error
  }
}
