import { type BrokerEvent, ClosedError, ConnectionError, toError } from '@interline/core'
import { type Channel, type ChannelModel, type ChannelOptions, type ConfirmChannel, connect } from 'amqplib'
import { connectionFailure, connectionLost } from './failure.js'
import { gatherWrites } from './gathered-writes.js'
import { farewell } from './patience.js'
import type { Address, ResolvedOptions } from './rabbitmq-options.js'

export type Report = (event: BrokerEvent) => void

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting'; readonly done: Promise<ChannelModel> }
  | { readonly kind: 'ready'; readonly model: ChannelModel; readonly blocked: string | undefined }
  | { readonly kind: 'down'; readonly error: ConnectionError }
  | { readonly kind: 'closed' }

const firstDelayMs = 100
const longestDelayMs = 2_000

/**
 * One supervised connection. The first attempt is the caller's; from then on it comes back by itself for as long as it is not closed, and
 * tells its listeners, who rebuild their channels on it.
 */
export class Link {
  readonly #options: ResolvedOptions
  readonly #purpose: string
  readonly #report: Report
  readonly #listeners = new Set<() => void>()
  #state: State = { kind: 'idle' }
  /** Which of the addresses is asked next; the one of the connection, while there is one. */
  #turn: number
  #timer: NodeJS.Timeout | undefined
  #forget: () => void = () => undefined

  constructor(options: ResolvedOptions, purpose: string, report: Report) {
    this.#options = options
    this.#purpose = purpose
    this.#report = report
    this.#turn = Math.floor(Math.random() * options.addresses.length)
  }

  /** The connection, where there is one now. */
  get model(): ChannelModel | undefined {
    return this.#state.kind === 'ready' ? this.#state.model : undefined
  }

  /** Why the server takes no messages at the moment; acknowledgements and deliveries go on. */
  get blocked(): string | undefined {
    return this.#state.kind === 'ready' ? this.#state.blocked : undefined
  }

  get closed(): boolean {
    return this.#state.kind === 'closed'
  }

  /** Why there is none. */
  get failure(): Error | undefined {
    return this.#state.kind === 'down' ? this.#state.error : undefined
  }

  /** Told of every change: a connection that is there again, gone, blocked or free. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  open(): Promise<ChannelModel> {
    const state = this.#state
    switch (state.kind) {
      case 'ready':
        return Promise.resolve(state.model)
      case 'connecting':
        return state.done
      case 'closed':
        return Promise.reject(new ClosedError('The connection to RabbitMQ is closed.'))
      case 'down':
        return Promise.reject(state.error)
      case 'idle':
        return this.#connect()
      default:
        return state satisfies never
    }
  }

  /** A channel with a listener for errors: what went wrong is told to whoever asked, and without one it would end the process. */
  channel(): Promise<Channel> {
    return this.#whileOpen((model) => model.createChannel())
  }

  confirmChannel(options: ChannelOptions = {}): Promise<ConfirmChannel> {
    return this.#whileOpen((model) => model.createConfirmChannel(options))
  }

  async close(): Promise<void> {
    const state = this.#state
    this.#state = { kind: 'closed' }
    clearTimeout(this.#timer)
    this.#tell()
    const model = state.kind === 'ready' ? state.model : state.kind === 'connecting' ? await state.done.catch(() => undefined) : undefined
    // who made it, closes it
    if (this.#options.connection !== undefined) return this.#forget()
    if (model === undefined || (await farewell(model.close()))) return
    // nobody answers: what the client keeps of it would keep the process alive until the next heartbeat
    destroySocket(model)
  }

  /** The client never answers who asks a connection for a channel that has just broken. */
  async #whileOpen<Result extends Channel>(open: (model: ChannelModel) => Promise<Result>): Promise<Result> {
    const model = await this.open()
    let unlisten: () => void = () => undefined
    const gone = new Promise<never>((_, reject) => {
      unlisten = this.listen(() => {
        if (this.model !== model) reject(new ConnectionError('The connection to RabbitMQ was lost. It comes back by itself; try again.'))
      })
    })
    try {
      const channel = await Promise.race([open(model), gone])
      channel.on('error', () => undefined)
      return channel
    } finally {
      unlisten()
    }
  }

  #connect(): Promise<ChannelModel> {
    const done = this.#attempt()
    this.#state = { kind: 'connecting', done }
    return done.then(
      (model) => {
        if (this.#state.kind === 'connecting') this.#state = { kind: 'ready', model, blocked: undefined }
        this.#tell()
        return model
      },
      (error: unknown) => {
        if (this.#state.kind === 'connecting') this.#state = { kind: 'idle' }
        throw error
      },
    )
  }

  get #address(): Address {
    const { addresses } = this.#options
    return addresses[this.#turn % addresses.length] ?? addresses[0]
  }

  /** One address after the other, each once; fails with what the last of them said. */
  async #attempt(): Promise<ChannelModel> {
    const { addresses, connection } = this.#options
    if (connection !== undefined) return this.#watch(connection)
    for (let left = addresses.length; ; left--) {
      try {
        return await this.#reach(this.#address)
      } catch (thrown) {
        this.#turn++
        if (left === 1) throw thrown
      }
    }
  }

  async #reach(address: Address): Promise<ChannelModel> {
    const { tls, heartbeatSeconds, connectTimeoutMs } = this.#options
    const clientProperties = { connection_name: `interline ${this.#purpose}` }
    const settings = {
      noDelay: true,
      keepAlive: true,
      timeout: connectTimeoutMs,
      clientProperties,
      ...(typeof tls === 'object' ? tls : {}),
    }
    let model: ChannelModel
    try {
      model = await connect({ ...address, heartbeat: heartbeatSeconds }, settings)
    } catch (thrown) {
      throw connectionFailure(address, thrown)
    }
    gatherWrites(model)
    return this.#watch(model)
  }

  #watch(model: ChannelModel): ChannelModel {
    let failure: Error | undefined
    const listeners = {
      error: (error: Error) => void (failure = error),
      close: () => this.#lost(model, failure),
      blocked: (reason: string) => this.#block(model, reason),
      unblocked: () => this.#block(model, undefined),
      'handler-error': (error: Error) =>
        this.#report({ kind: 'warning', detail: 'A listener of the RabbitMQ connection failed.', error: toError(error) }),
    }
    for (const [event, listener] of Object.entries(listeners)) model.on(event, listener)
    this.#forget = () => {
      for (const [event, listener] of Object.entries(listeners)) model.off(event, listener)
    }
    return model
  }

  #lost(model: ChannelModel, cause: Error | undefined): void {
    if (this.#state.kind !== 'ready' || this.#state.model !== model) return
    // after missed heartbeats the client only says goodbye, to a server that may never answer, and reads no more
    if (this.#options.connection === undefined) destroySocket(model)
    const error = connectionLost(this.#address, cause ?? new Error('the server closed it'))
    this.#state = { kind: 'down', error }
    this.#report({ kind: 'disconnected', detail: `The ${this.#purpose} connection to RabbitMQ was lost.`, error })
    this.#tell()
    if (this.#options.connection === undefined) this.#again(firstDelayMs)
  }

  #again(delayMs: number): void {
    this.#timer = setTimeout(
      async () => {
        try {
          const model = await this.#attempt()
          if (this.#state.kind === 'closed') return void model.close().catch(() => undefined)
          this.#state = { kind: 'ready', model, blocked: undefined }
          this.#report({ kind: 'connected', detail: `The ${this.#purpose} connection to RabbitMQ is back.` })
          this.#tell()
        } catch (thrown) {
          if (this.#state.kind === 'closed') return
          this.#state = { kind: 'down', error: thrown as ConnectionError }
          this.#again(Math.min(delayMs * 2, longestDelayMs))
        }
      },
      delayMs * (0.75 + Math.random() / 2),
    )
  }

  #block(model: ChannelModel, reason: string | undefined): void {
    if (this.#state.kind !== 'ready' || this.#state.model !== model) return
    this.#state = { kind: 'ready', model, blocked: reason }
    if (reason !== undefined) this.#report({ kind: 'warning', detail: `RabbitMQ takes no messages for now: ${reason}.` })
    this.#tell()
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}

function destroySocket(model: ChannelModel): void {
  const { stream } = model.connection as { readonly stream?: { destroy(): void } }
  stream?.destroy()
}
