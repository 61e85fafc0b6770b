import { ClosedError, ConfigurationError, type IClock, type IEventBus, systemClock } from '@interline/core'
import { RequestTimeoutError } from './errors.js'
import { Handlers, type RequestHandler, type RequestMiddleware } from './handlers.js'
import {
  type AnyRequestDefinition,
  type PlainRequest,
  type Request,
  type RequestKind,
  type RequestOf,
  type ResultOf,
  requestOf,
} from './request.js'
import { RequestClient } from './request-client.js'
import { RequestServer } from './request-server.js'

export interface RequestBusOptions {
  /** Carries what no handler here takes to other processes, and brings what they ask. Without it everything is handled here. */
  readonly bus?: IEventBus | undefined
  /** The name of this service, for the answers that its processes wait for. Needed with `bus`. */
  readonly service?: string | undefined
  /** How long an answer of another process is waited for, default 10,000. */
  readonly timeoutMs?: number | undefined
  /** Requests of one type from other processes that are handled at once here. Default: the event bus's own. */
  readonly concurrency?: number | undefined
  readonly clock?: IClock | undefined
}

export interface DispatchOptions {
  /** How long the answer is waited for. Here, where the handler runs in this process, there is no limit unless it is said. */
  readonly timeoutMs?: number | undefined
  /** Over a broker, requests of one key are handled in order. Default: what the definition's `key` says. */
  readonly key?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface RegisterOptions {
  /** Whether other processes may ask for it, default true where there is a `bus`. */
  readonly remote?: boolean | undefined
}

const defaultTimeoutMs = 10_000
const asDefined: DispatchOptions = {}

/** What the command bus and the query bus have in common: one handler for a type, here or in another process, and one answer. */
export abstract class RequestBus implements AsyncDisposable {
  readonly #kind: RequestKind
  readonly #handlers: Handlers
  readonly #clock: IClock
  readonly #client: RequestClient | undefined
  readonly #server: RequestServer | undefined
  #closing: Promise<void> | undefined

  protected constructor(kind: RequestKind, options: RequestBusOptions = {}) {
    const { bus, service, timeoutMs = defaultTimeoutMs, concurrency, clock = systemClock } = options
    if (bus !== undefined && (typeof service !== 'string' || service === '')) {
      throw new ConfigurationError(`A ${kind} bus over a broker needs the name of its service: new …({ bus, service: 'shop' }).`)
    }
    this.#kind = kind
    this.#clock = clock
    this.#handlers = new Handlers(kind)
    if (bus !== undefined) {
      this.#client = new RequestClient({ bus, service: service as string, timeoutMs, clock })
      this.#server = new RequestServer(kind, { bus, clock, concurrency }, this.#handlers)
    }
  }

  /**
   * Says who handles a type. Throws at once for a second handler; resolves, where other processes may ask, when the broker hands their
   * requests out (on an event bus that was not started: when it will).
   */
  register<Definition extends AnyRequestDefinition>(
    definition: Definition,
    handler: RequestHandler<RequestOf<Definition>, ResultOf<Definition>>,
    options?: RegisterOptions,
  ): Promise<void>
  register<Requested extends PlainRequest>(
    type: string,
    handler: RequestHandler<Requested, unknown>,
    options?: RegisterOptions,
  ): Promise<void>
  register(
    target: AnyRequestDefinition | string,
    handler: RequestHandler<never, unknown>,
    { remote = true }: RegisterOptions = {},
  ): Promise<void> {
    const type = this.#handlers.add(target, handler as RequestHandler<Request, unknown>)
    if (!remote || this.#server === undefined) return Promise.resolve()
    return this.#server.serve(type).catch((thrown: unknown) => {
      // nothing of it stays, so that it can be asked for again
      this.#handlers.remove(type)
      throw thrown
    })
  }

  /** Resolves with the handler's answer; rejects with what it threw, or when nobody answers in time. */
  dispatch<Requested extends Request | PlainRequest>(given: Requested, options: DispatchOptions = asDefined): Promise<ResultOf<Requested>> {
    return this.#dispatch(given, options) as Promise<ResultOf<Requested>>
  }

  protected async sendAway(given: object, { key, signal }: Omit<DispatchOptions, 'timeoutMs'>): Promise<void> {
    const request = requestOf(this.#kind, given)
    if (this.#closing !== undefined) throw closed(request)
    if (this.#client === undefined) {
      throw new ConfigurationError(
        `The ${request.kind} "${request.type}" can't be sent without a broker. Give the bus one, or dispatch it.`,
      )
    }
    await this.#client.send(request, { key, signal })
  }

  /** Runs around every handler of this bus, in the order given. */
  use(middleware: RequestMiddleware): this {
    this.#handlers.use(middleware)
    return this
  }

  /** Takes no more requests of others, and rejects what still waits for an answer. The event bus stays open. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#server?.close(), this.#client?.close()]).then(() => undefined)
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #dispatch(given: object, { timeoutMs, key, signal }: DispatchOptions): Promise<unknown> {
    let request: Request
    try {
      request = requestOf(this.#kind, given)
      if (this.#closing !== undefined) throw closed(request)
    } catch (thrown) {
      return Promise.reject(thrown)
    }
    if (this.#client !== undefined && !this.#handlers.has(request.type)) return this.#client.ask(request, { key, timeoutMs, signal })
    if (timeoutMs === undefined) return this.#handlers.run(request, signal, false)
    return this.#within(timeoutMs, request, signal)
  }

  /** The handler is told by its signal when its time is up; what it still does is not waited for. */
  #within(timeoutMs: number, request: Request, signal: AbortSignal | undefined): Promise<unknown> {
    const late = new AbortController()
    const both = signal === undefined ? late.signal : AbortSignal.any([late.signal, signal])
    const run = this.#handlers.run(request, both, false)
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(() => {
        const error = new RequestTimeoutError(
          `The handler of ${request.kind} "${request.type}" gave no answer within ${timeoutMs} ms. It may still finish.`,
        )
        late.abort(error)
        reject(error)
      }, timeoutMs)
      run.then(resolve, reject).finally(() => timer.cancel())
    })
  }
}

function closed({ kind, type }: Request): ClosedError {
  return new ClosedError(`The ${kind} "${type}" was dispatched after close. Make a new bus.`)
}
