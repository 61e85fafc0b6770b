import {
  type Awaitable,
  ConfigurationError,
  checksAtRunTime,
  type EventMetadata,
  isStandardSchema,
  parseWith,
  type StandardSchema,
  ValidationError,
} from '@interline/core'
import { NoHandlerError } from './errors.js'
import { type AnyRequestDefinition, type Request, type RequestKind, withData } from './request.js'

/** What a handler is told beside its request. */
export interface RequestContext {
  readonly request: Request
  readonly metadata: EventMetadata
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal | undefined
  /** Whether the request came over a broker. */
  readonly remote: boolean
}

export interface RequestHandlerObject<Requested, Result> {
  handle(request: Requested, context: RequestContext): Awaitable<Result>
  /** False: the request is refused with a ValidationError, and not handled. */
  validate?(request: Requested): Awaitable<boolean>
}

export type RequestHandler<Requested, Result> =
  | ((request: Requested, context: RequestContext) => Awaitable<Result>)
  | RequestHandlerObject<Requested, Result>

/** Runs around every handler, in the process where that is. */
export type RequestMiddleware = (context: RequestContext, next: () => Awaitable<unknown>) => Awaitable<unknown>

interface Registered {
  readonly schema: StandardSchema | undefined
  readonly result: StandardSchema | undefined
  readonly handler: RequestHandlerObject<Request, unknown>
}

/** Who handles what in this process. A type has one handler. */
export class Handlers {
  readonly #kind: RequestKind
  readonly #byType = new Map<string, Registered>()
  readonly #middleware: RequestMiddleware[] = []

  constructor(kind: RequestKind) {
    this.#kind = kind
  }

  add(target: AnyRequestDefinition | string, handler: RequestHandler<Request, unknown>): string {
    const type = typeof target === 'string' ? target : target?.type
    if (typeof type !== 'string' || type === '' || (typeof target === 'function' && target.kind !== this.#kind)) {
      throw new ConfigurationError(`Register a ${this.#kind} by its definition or its type, and not ${describe(target)}.`)
    }
    const form = typeof handler === 'function' ? { handle: handler } : handler
    if (typeof form?.handle !== 'function') {
      throw new ConfigurationError(`The handler of ${this.#kind} "${type}" must be a function, or an object with a method handle.`)
    }
    if (this.#byType.has(type)) {
      throw new ConfigurationError(`The ${this.#kind} "${type}" has a handler already, and can have one. Remove one of the two.`)
    }
    const { schema, result } = typeof target === 'string' ? { schema: undefined, result: undefined } : target
    this.#byType.set(type, { schema: checking(schema), result: checking(result), handler: form })
    return type
  }

  remove(type: string): void {
    this.#byType.delete(type)
  }

  use(middleware: RequestMiddleware): void {
    this.#middleware.push(middleware)
  }

  has(type: string): boolean {
    return this.#byType.has(type)
  }

  get types(): readonly string[] {
    return [...this.#byType.keys()]
  }

  /** Validates, runs the handler inside the middleware, and answers with its result. Rejects with what they throw. */
  run(given: Request, signal: AbortSignal | undefined, remote: boolean): Promise<unknown> {
    const registered = this.#byType.get(given.type)
    if (registered === undefined) return Promise.reject(this.#noHandler(given))
    const { schema, result, handler } = registered
    const bare = schema === undefined && result === undefined && handler.validate === undefined && this.#middleware.length === 0
    if (!bare) return this.#checked(registered, given, signal, remote)
    // Nothing but the handler: a local call must cost little more than calling it.
    try {
      const answer = handler.handle(given, new Context(given, signal, remote))
      return answer instanceof Promise ? answer : Promise.resolve(answer)
    } catch (thrown) {
      return Promise.reject(thrown)
    }
  }

  async #checked(
    { schema, result, handler }: Registered,
    given: Request,
    signal: AbortSignal | undefined,
    remote: boolean,
  ): Promise<unknown> {
    const named = `${this.#kind} "${given.type}"`
    const request = schema === undefined ? given : withData(given, await parseWith(schema, given.data, named))
    if (handler.validate !== undefined && !(await handler.validate(request))) {
      throw new ValidationError(`The ${named} was refused by its handler's validate.`, [])
    }
    const context = new Context(request, signal, remote)
    const answer = await this.#around(context, () => handler.handle(request, context))
    return result === undefined ? answer : parseWith(result, answer, `the answer to ${named}`)
  }

  #noHandler({ type }: Request): NoHandlerError {
    const known = this.types.length === 0 ? 'None is registered here' : `Registered here: ${this.types.join(', ')}`
    return new NoHandlerError(`No handler for ${this.#kind} "${type}". ${known}. Register one, or give the bus a broker to reach others.`)
  }

  #around(context: RequestContext, handle: () => Awaitable<unknown>): Awaitable<unknown> {
    let next = handle
    for (let index = this.#middleware.length - 1; index >= 0; index--) {
      const middleware = this.#middleware[index] as RequestMiddleware
      const inner = next
      next = () => middleware(context, inner)
    }
    return next()
  }
}

function checking(schema: StandardSchema | undefined): StandardSchema | undefined {
  return checksAtRunTime(schema) ? schema : undefined
}

class Context implements RequestContext {
  readonly request: Request
  readonly signal: AbortSignal | undefined
  readonly remote: boolean

  constructor(request: Request, signal: AbortSignal | undefined, remote: boolean) {
    this.request = request
    this.signal = signal
    this.remote = remote
  }

  get metadata(): EventMetadata {
    return this.request.metadata
  }
}

function describe(target: unknown): string {
  if (typeof target === 'function' && 'kind' in target) return `a ${String(target.kind)}`
  return isStandardSchema(target) ? 'a schema' : `a ${typeof target}`
}
