import { type BrokerEvent, ClosedError, ConnectionError, pause, toError } from '@interline/core'
import { type RedisOptions as ClientOptions, Redis } from 'ioredis'
import type { Links, Route } from './links.js'
import type { NodeAddress, ResolvedConnection } from './redis-options.js'
import { CallDeadline } from './waiting.js'

export type Report = (event: BrokerEvent) => void

/** What a connection is for: `reader` blocks and `subscriber` only listens, so neither has a time limit for a command. */
export type LinkPurpose = 'publisher' | 'control' | 'reader' | 'subscriber'

/**
 * One connection that is never mended: where a client breaks, it is thrown away and the next call gets a fresh one. ioredis' own
 * reconnecting would send commands again that may have been executed, or leave their promises pending for ever.
 */
export class Link implements Links, Route {
  readonly sharded = false
  readonly #options: ResolvedConnection
  readonly #purpose: LinkPurpose
  readonly #report: Report
  readonly #address: NodeAddress | undefined
  #attempts = 0
  #client: Redis | undefined
  readonly #discarded = new WeakSet<Redis>()
  #opening: Promise<Redis> | undefined
  #closed = false
  #wasLost = false
  /** Grows with every fresh client. */
  generation = 0

  /** To the given node of a cluster, or, where a cluster was given and no address, to any node of it. */
  constructor(options: ResolvedConnection, purpose: LinkPurpose, report: Report = () => undefined, address?: NodeAddress) {
    this.#address = address
    this.#options = options
    this.#purpose = purpose
    this.#report = report
  }

  get ready(): boolean {
    return this.#client !== undefined
  }

  open(): Promise<Redis> | Redis {
    if (this.#client !== undefined) return this.#client
    if (this.#closed) return Promise.reject(new ClosedError('The connection to Redis was closed.'))
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  at(): Route {
    return this
  }

  split<T>(items: readonly T[]): readonly (readonly T[])[] {
    return items.length === 0 ? [] : [items]
  }

  async masters(): Promise<readonly Route[]> {
    return [this]
  }

  mayPass(error: unknown): boolean {
    return isTemporary(error)
  }

  async once<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    const client = await this.open()
    try {
      return await work(client)
    } catch (error) {
      if (isUseless(error)) this.discard(client)
      throw error
    }
  }

  async run<T>(work: (client: Redis, again: boolean) => Promise<T>, timeoutMs: number = this.#options.commandTimeoutMs): Promise<T> {
    const deadline = new CallDeadline(timeoutMs)
    let again = false
    for (let failures = 0; ; failures++) {
      let client: Redis | undefined
      try {
        client = await this.open()
        return await work(client, again)
      } catch (error) {
        if (!isTemporary(error) || this.#closed) throw error
        if (client !== undefined) {
          again = true
          // also where nobody tries again now: the next caller must not get a connection that is silent
          if (isUseless(error)) this.discard(client)
        }
        if (deadline.passed) throw error
        await pause(Math.min(50 * 2 ** failures, 1_000))
      }
    }
  }

  /** Every call that was open on a client comes here when it breaks, and it is thrown away once: ioredis would listen for each of them. */
  discard(client: Redis): void {
    if (this.#discarded.has(client)) return
    this.#discarded.add(client)
    client.disconnect()
    this.#lost(client)
  }

  close(): void {
    this.#closed = true
    const client = this.#client
    this.#client = undefined
    client?.disconnect()
  }

  async #connect(): Promise<Redis> {
    const { cluster } = this.#options
    const address = this.#address ?? cluster?.[this.#attempts++ % cluster.length]
    const client = createClient(this.#options, this.#purpose, address)
    let refusal: Error | undefined
    client.on('error', (error: Error) => {
      refusal = error
    })
    client.on('end', () => this.#lost(client, refusal))
    let late = false
    const deadline = setTimeout(() => {
      late = true
      client.disconnect()
    }, this.#options.connectTimeoutMs)
    try {
      await client.connect()
    } catch (error) {
      client.disconnect()
      throw describe(refusal ?? toError(error), this.#options, address, late)
    } finally {
      clearTimeout(deadline)
    }
    if (this.#closed) {
      client.disconnect()
      throw new ClosedError('The connection to Redis was closed while it was being opened.')
    }
    this.#client = client
    this.generation++
    if (this.#wasLost) this.#report({ kind: 'connected', detail: `The ${this.#purpose} connection to Redis is back.` })
    this.#wasLost = false
    return client
  }

  #lost(client: Redis, error?: Error): void {
    if (this.#client !== client) return
    this.#client = undefined
    if (this.#closed) return
    this.#wasLost = true
    this.#report({
      kind: 'disconnected',
      detail: `The ${this.#purpose} connection to Redis was lost.`,
      error: error && withoutCommand(error),
    })
  }
}

function createClient(options: ResolvedConnection, purpose: LinkPurpose, place: NodeAddress | undefined): Redis {
  const unlimited = purpose === 'reader' || purpose === 'subscriber'
  const own: ClientOptions & { replyMapping: 'legacy' } = {
    lazyConnect: true,
    // Replies of RESP2 are decoded a third faster, and nothing here needs the newer one.
    protocol: 2,
    connectTimeout: options.connectTimeoutMs,
    retryStrategy: () => null,
    reconnectOnError: null,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    enableReadyCheck: true,
    enableAutoPipelining: false,
    maxRetriesPerRequest: 0,
    keepAlive: 10_000,
    noDelay: true,
    keyPrefix: '',
    connectionName: `interline-${purpose}`,
    replyMapping: 'legacy',
    stringNumbers: false,
    ...(unlimited ? {} : { commandTimeout: options.commandTimeoutMs }),
  }
  if (options.client !== undefined) {
    return options.client.duplicate({ ...own, ...(unlimited ? { commandTimeout: undefined } : {}) })
  }
  const address = {
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.db === undefined ? {} : { db: options.db }),
    ...(options.tls === undefined || options.tls === false ? {} : { tls: options.tls === true ? {} : options.tls }),
  }
  const all = { ...own, ...address } as typeof own
  if (options.url !== undefined) return new Redis(options.url, all)
  return new Redis({ ...options.nodeSettings, ...all, ...(place ?? { host: options.host, port: options.port }) })
}

/** The server's own answer, as opposed to a connection that broke. */
export function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError'
}

/**
 * Whether a client with this error is of no more use: its connection broke, or its server has become a replica. The same address may lead
 * to the one that took over, but only a fresh connection goes there.
 */
export function isUseless(error: unknown): boolean {
  return !isReply(error) || (error as Error).message.startsWith('READONLY')
}

/** Whether the server, asked again, may do it: the connection broke, or the server is loading, failing over or busy. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof ClosedError || !(error instanceof Error)) return false
  if (!isReply(error)) return !(error instanceof TypeError)
  return /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY |UNBLOCKED)/.test(error.message)
}

/** Names the server and what is wrong with it, never what was sent: the failed command may hold the password. */
function describe(error: Error, options: ResolvedConnection, place: NodeAddress | undefined, late: boolean): ConnectionError {
  const cause = withoutCommand(error)
  const where = place === undefined ? addressOf(options) : `${place.host}:${place.port}`
  if (/WRONGPASS|invalid password|invalid username-password/i.test(error.message)) {
    return new ConnectionError(`Redis at ${where} refused the user name or password. Check "username" and "password".`, { cause })
  }
  if (/NOAUTH|Authentication required/i.test(error.message)) {
    return new ConnectionError(`Redis at ${where} wants a password. Set "password".`, { cause })
  }
  // the client has the same limit, and says it without an address
  const limit = late || error.message === 'connect ETIMEDOUT' ? ` within ${options.connectTimeoutMs} ms` : ''
  return new ConnectionError(
    `Cannot connect to Redis at ${where}${limit} (${cause.message}). Check that the server runs and that host and port are right.`,
    { cause },
  )
}

function addressOf(options: ResolvedConnection): string {
  if (options.url !== undefined) return new URL(options.url).host
  const from = options.client?.options as { host?: string; port?: number } | undefined
  return `${from?.host ?? options.host}:${from?.port ?? options.port}`
}

/** ioredis hangs the command with its arguments on an error; a copy leaves them behind. */
function withoutCommand(error: Error): Error {
  const copy = new Error(error.message)
  copy.name = error.name
  return copy
}
