import { ConfigurationError } from '../errors.js'
import { checkOptionNames } from './definition-options.js'
import type { EventModel } from './event-model.js'
import { register } from './known-models.js'
import type { EventMetadata } from './metadata.js'
import type { EventPriority } from './priority.js'
import type { SchemaInput, SchemaOutput, StandardSchema } from './standard-schema.js'
import type { Upcasters } from './upcast.js'
import { makeValueEvent, type ValueEvent, ValueModel } from './value-event.js'

const definitionModel: unique symbol = Symbol.for('interline.definition')

interface DefinitionFacts {
  readonly type: string
  readonly version: number
  readonly topic: string
  readonly priority: EventPriority
  readonly schema: StandardSchema | undefined
  readonly [definitionModel]: EventModel
  /** For the compiler: what a handler gets. */
  readonly '~event'?: object | undefined
}

/** Any definition, whatever its data. */
export interface AnyEventDefinition extends DefinitionFacts {
  (data: never, metadata?: Partial<EventMetadata>): ValueEvent
}

/** Makes events of one type when called, and stands for that type in `subscribe`. */
export interface EventDefinition<Type extends string = string, Input = unknown, Output = Input> extends DefinitionFacts {
  (data: Input, metadata?: Partial<EventMetadata>): ValueEvent<Type, Input>
  readonly type: Type
  readonly '~event'?: ValueEvent<Type, Output> | undefined
}

export interface EventOptions<Schema extends StandardSchema> {
  /** Raised by one whenever the data changes so that an older reader could not use it. 1 where it is not said. */
  readonly version?: number | undefined
  /** The event's dotted address. Its type where it is not said. */
  readonly topic?: string | undefined
  readonly priority?: EventPriority | undefined
  /** Any Standard Schema: publishing takes its input, handlers get its output. */
  readonly schema?: Schema | undefined
  /** What order is kept by. */
  readonly key?: ((data: SchemaInput<Schema>) => string | undefined) | undefined
  /** Data of older versions, each step to the next version: `{ 1: (data) => … }`. */
  readonly upcast?: Upcasters | undefined
  /** Fields of the data that are encrypted wherever the event lies; handlers and readers of a store get them as they were. */
  readonly encrypt?: readonly FieldOf<SchemaInput<Schema>>[] | undefined
  /** Whose key they are encrypted with, such as a user's id. `aggregateId` where it is not said. */
  readonly subject?: ((data: SchemaInput<Schema>) => string | undefined) | undefined
}

type FieldOf<Data> = unknown extends Data ? string : Extract<keyof Data, string>

/**
 * Describes events of one type. Call the result to make one: `OrderCreated({ orderId: 'o-1' })`.
 * Throws ConfigurationError for options that can't be meant, a gap in `upcast`, and a second, different definition of the version.
 */
export function defineEvent<const Type extends string, Schema extends StandardSchema = StandardSchema>(
  type: Type,
  options: EventOptions<Schema> = {},
): EventDefinition<Type, SchemaInput<Schema>, SchemaOutput<Schema>> {
  if (typeof options !== 'object' || options === null)
    throw new ConfigurationError(`Event "${String(type)}": the options must be an object.`)
  checkOptionNames(type, options)
  const model = new ValueModel(type, options)
  register(model, model.fingerprint)
  const make = (data: unknown, metadata?: Partial<EventMetadata>): ValueEvent => makeValueEvent(model, data, metadata)
  Object.defineProperty(make, 'name', { value: type })
  const { version, topic, priority } = model
  const definition: unknown = Object.assign(make, { type, version, topic, priority, schema: options.schema, [definitionModel]: model })
  return definition as EventDefinition<Type, SchemaInput<Schema>, SchemaOutput<Schema>>
}

/** The model behind a definition; `undefined` for anything else. */
export function modelOfDefinition(target: unknown): EventModel | undefined {
  return typeof target === 'function' && Object.hasOwn(target, definitionModel)
    ? (target as unknown as AnyEventDefinition)[definitionModel]
    : undefined
}
