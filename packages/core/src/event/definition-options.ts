import { ConfigurationError } from '../errors.js'
import { topicProblem } from '../wire/topic-pattern.js'
import { EventPriority } from './priority.js'
import { isStandardSchema, type StandardSchema } from './standard-schema.js'
import type { Upcasters } from './upcast.js'

/** How a kind of event is described, whether by `defineEvent`, by a decorator or by static fields. */
export interface EventDescription {
  readonly version?: number | undefined
  readonly topic?: string | undefined
  readonly priority?: EventPriority | undefined
  readonly schema?: StandardSchema | undefined
  readonly key?: ((data: never) => string | undefined) | undefined
  readonly upcast?: Upcasters | undefined
  readonly encrypt?: readonly string[] | undefined
  readonly subject?: ((data: never) => string | undefined) | undefined
}

const priorities: ReadonlySet<unknown> = new Set(Object.values(EventPriority))
const optionNames: ReadonlySet<string> = new Set(['version', 'topic', 'priority', 'schema', 'key', 'upcast', 'encrypt', 'subject'])

export function isPriority(value: unknown): value is EventPriority {
  return priorities.has(value)
}

export function isVersion(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 0x7fffffff
}

/** Throws ConfigurationError for what can't be meant: the type, then each option. */
export function checkDescription(type: unknown, description: EventDescription): void {
  if (typeof type !== 'string' || type === '') {
    throw new ConfigurationError('An event needs a type, text that is not empty: defineEvent("OrderCreated", { … }).')
  }
  const { version, topic, priority, schema, key, upcast, encrypt, subject } = description
  if (version !== undefined && !isVersion(version)) {
    throw new ConfigurationError(`Event "${type}": version must be a whole number from 1, not ${String(version)}.`)
  }
  if (topic !== undefined && typeof topic !== 'string')
    throw new ConfigurationError(`Event "${type}": topic must be text such as "orders.created".`)
  const problem = topicProblem(topic ?? type)
  if (problem !== undefined) throw new ConfigurationError(`Event "${type}": ${problem}`)
  if (priority !== undefined && !isPriority(priority)) {
    throw new ConfigurationError(`Event "${type}": priority must be one of ${[...priorities].join(', ')}, not ${String(priority)}.`)
  }
  if (schema !== undefined && !isStandardSchema(schema)) {
    throw new ConfigurationError(`Event "${type}": schema must be a Standard Schema (zod, valibot, arktype), or staticSchema<T>().`)
  }
  if (key !== undefined && typeof key !== 'function') throw new ConfigurationError(`Event "${type}": key must be a function of the data.`)
  if (encrypt !== undefined && !(Array.isArray(encrypt) && encrypt.length > 0 && encrypt.every((name) => typeof name === 'string'))) {
    throw new ConfigurationError(`Event "${type}": encrypt must be a list of names of fields, such as ['email'].`)
  }
  if (subject !== undefined && (typeof subject !== 'function' || encrypt === undefined)) {
    throw new ConfigurationError(`Event "${type}": subject must be a function of the data, and says whose key the fields in "encrypt" get.`)
  }
  if (upcast !== undefined && (typeof upcast !== 'object' || upcast === null)) {
    throw new ConfigurationError(`Event "${type}": upcast must be an object of functions by version, such as { 1: (data) => … }.`)
  }
}

export function checkOptionNames(type: string, description: object): void {
  for (const name of Object.keys(description)) {
    if (!optionNames.has(name)) {
      throw new ConfigurationError(`Event "${type}" has no option "${name}". Options: ${[...optionNames].join(', ')}.`)
    }
  }
}
