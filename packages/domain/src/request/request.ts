import {
  ConfigurationError,
  defineEvent,
  type EventMetadata,
  type SchemaInput,
  type SchemaOutput,
  type StandardSchema,
} from '@interline/core'

/** A command wants something done, a query wants to know something. Each has one handler and one answer. */
export type RequestKind = 'command' | 'query'

/** What is dispatched: made by `defineCommand` or `defineQuery`. */
export interface Request<Type extends string = string, Data = unknown, Result = unknown> {
  readonly kind: RequestKind
  readonly type: Type
  readonly data: Data
  /** The same as `data`. */
  readonly payload: Data
  readonly metadata: EventMetadata
  /** The same as `metadata.eventId`. */
  readonly id: string
  /** For the compiler: what `dispatch` resolves with. */
  readonly '~result'?: Result
}

/** A command or query as a plain object: what other names say of it is its data. */
export interface PlainRequest {
  readonly type: string
  readonly id?: string | undefined
  readonly payload?: unknown
  readonly data?: unknown
  readonly metadata?: Partial<EventMetadata> | undefined
}

export interface AnyRequestDefinition {
  (data: never, metadata?: Partial<EventMetadata>): Request
  readonly kind: RequestKind
  readonly type: string
  readonly schema: StandardSchema | undefined
  readonly result: StandardSchema | undefined
  readonly key: ((data: never) => string | undefined) | undefined
  /** For the compiler: what the handler gets. */
  readonly '~request'?: object | undefined
  readonly '~result'?: unknown
}

/** Makes commands or queries of one type when called, and stands for that type in `register`. */
export interface RequestDefinition<Type extends string = string, Input = unknown, Output = Input, Result = unknown>
  extends AnyRequestDefinition {
  (data: Input, metadata?: Partial<EventMetadata>): Request<Type, Input, Result>
  readonly type: Type
  readonly '~request'?: Request<Type, Output, Result> | undefined
  readonly '~result'?: Result
}

/** What the handler of a definition gets. */
export type RequestOf<Definition> = Definition extends { readonly '~request'?: infer Found } ? NonNullable<Found> : never
/** What the dispatch of a request resolves with. */
export type ResultOf<Requested> = Requested extends { readonly '~result'?: infer Result } ? Result : unknown

export interface RequestOptions<Schema extends StandardSchema, Result extends StandardSchema> {
  /** Any Standard Schema: dispatching takes its input, the handler gets its output. */
  readonly schema?: Schema | undefined
  /** The same for the answer. */
  readonly result?: Result | undefined
  /** Over a broker, requests of one key are handled in order. */
  readonly key?: ((data: SchemaInput<Schema>) => string | undefined) | undefined
}

/** Describes commands of one type: `const PlaceOrder = defineCommand('PlaceOrder', { schema, result })`. */
export function defineCommand<
  const Type extends string,
  Schema extends StandardSchema = StandardSchema,
  Result extends StandardSchema = StandardSchema<void>,
>(
  type: Type,
  options: RequestOptions<Schema, Result> = {},
): RequestDefinition<Type, SchemaInput<Schema>, SchemaOutput<Schema>, SchemaOutput<Result>> {
  return define('command', type, options)
}

/** Describes queries of one type: `const BalanceOf = defineQuery('BalanceOf', { schema, result })`. */
export function defineQuery<
  const Type extends string,
  Schema extends StandardSchema = StandardSchema,
  Result extends StandardSchema = StandardSchema,
>(
  type: Type,
  options: RequestOptions<Schema, Result> = {},
): RequestDefinition<Type, SchemaInput<Schema>, SchemaOutput<Schema>, SchemaOutput<Result>> {
  return define('query', type, options)
}

/** As a request, whichever form it was given in; what can't be one is refused. */
export function requestOf(kind: RequestKind, given: object): Request {
  if (given instanceof MadeRequest) {
    if (given.kind === kind) return given
    throw new ConfigurationError(
      `"${given.type}" is a ${given.kind}, and was dispatched as a ${kind}. Give it to the ${given.kind === 'query' ? 'QueryBus' : 'CommandBus'}.`,
    )
  }
  const { type, id, payload, data, metadata, ...rest } = given as PlainRequest & Readonly<Record<string, unknown>>
  if (typeof type !== 'string' || type === '') {
    throw new ConfigurationError(`A ${kind} needs a type, text that is not empty: dispatch({ type: 'PlaceOrder', payload: { … } }).`)
  }
  return new MadeRequest(kind, type, payload ?? data ?? rest, { ...metadata, ...(id === undefined ? {} : { eventId: id }) })
}

class MadeRequest implements Request {
  readonly kind: RequestKind
  readonly type: string
  readonly data: unknown
  readonly #given: Partial<EventMetadata> | undefined
  readonly #definition: AnyRequestDefinition | undefined
  #metadata: EventMetadata | undefined

  constructor(
    kind: RequestKind,
    type: string,
    data: unknown,
    metadata: Partial<EventMetadata> | undefined,
    definition?: AnyRequestDefinition | undefined,
  ) {
    this.kind = kind
    this.type = type
    this.data = data
    this.#given = metadata
    this.#definition = definition
  }

  static givenTo(request: Request): Partial<EventMetadata> {
    return (#given in request ? request.#given : request.metadata) ?? {}
  }

  static definitionOf(request: Request): AnyRequestDefinition | undefined {
    return #definition in request ? request.#definition : undefined
  }

  get payload(): unknown {
    return this.data
  }

  /** Made when somebody asks: a local call may never need it. */
  get metadata(): EventMetadata {
    return (this.#metadata ??= stamp(undefined, this.#given).metadata)
  }

  get id(): string {
    return this.metadata.eventId
  }
}

/** A request with its data replaced by what its schema made of it. */
export function withData(request: Request, data: unknown): Request {
  return data === request.data ? request : makeRequest(request.kind, request.type, data, request.metadata)
}

/** What its maker said of it, without what is made up where nothing was said. */
export function givenMetadata(request: Request): Partial<EventMetadata> {
  return MadeRequest.givenTo(request)
}

/** What it was made by; a plain object has none. */
export function definitionOf(request: Request): AnyRequestDefinition | undefined {
  return MadeRequest.definitionOf(request)
}

/** What its definition keeps order by. */
export function keyOf(request: Request): string | undefined {
  return definitionOf(request)?.key?.(request.data as never)
}

export function makeRequest(kind: RequestKind, type: string, data: unknown, metadata?: Partial<EventMetadata>): Request {
  return new MadeRequest(kind, type, data, metadata)
}

/** Metadata as every event has it: ids, time, correlation. */
const stamp = defineEvent('interline.request')

interface GivenOptions {
  readonly schema?: StandardSchema | undefined
  readonly result?: StandardSchema | undefined
  readonly key?: ((data: never) => string | undefined) | undefined
}

function define<Definition>(kind: RequestKind, type: string, options: GivenOptions): Definition {
  if (typeof type !== 'string' || type === '') {
    throw new ConfigurationError(
      `A ${kind} needs a type, text that is not empty: ${kind === 'command' ? 'defineCommand' : 'defineQuery'}('PlaceOrder', { … }).`,
    )
  }
  for (const name of Object.keys(options)) {
    if (!['schema', 'result', 'key'].includes(name)) {
      throw new ConfigurationError(`The ${kind} "${type}" has no option "${name}". Options: schema, result, key.`)
    }
  }
  for (const name of ['schema', 'result'] as const) {
    if (options[name] !== undefined && !('~standard' in options[name])) {
      throw new ConfigurationError(
        `The ${name} of ${kind} "${type}" must be a Standard Schema (zod, valibot, arktype), or staticSchema<T>().`,
      )
    }
  }
  const make = (data: unknown, metadata?: Partial<EventMetadata>): Request => new MadeRequest(kind, type, data, metadata, definition)
  Object.defineProperty(make, 'name', { value: type })
  const definition: AnyRequestDefinition = Object.assign(make, {
    kind,
    type,
    schema: options.schema,
    result: options.result,
    key: options.key,
  })
  return definition as Definition
}
