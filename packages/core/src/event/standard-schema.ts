import { ValidationError, type ValidationIssue } from '../errors.js'
import type { Awaitable } from '../ports/abortable.js'

/** The part of the Standard Schema interface, version 1, that is used here: zod, valibot, arktype and others have it. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => Awaitable<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type SchemaResult<Output> = { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

export type SchemaInput<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>['input']
export type SchemaOutput<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>['output']

/** A schema for the compiler only: it gives the event's data a type and checks nothing at run time. */
export function staticSchema<Data>(): StandardSchema<Data, Data> {
  return unchecked as StandardSchema<Data, Data>
}

const unchecked: StandardSchema<unknown, unknown> = { '~standard': { version: 1, vendor: 'interline', validate: (value) => ({ value }) } }

/** False for `staticSchema`, whose validation is no work worth doing. */
export function checksAtRunTime(schema: StandardSchema | undefined): schema is StandardSchema {
  return schema !== undefined && schema !== unchecked
}

/** Recognises a schema by its property: some libraries' schemas are functions. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && '~standard' in value
}

/** The schema's output. Throws (or rejects with) ValidationError; `subject` names the event in its message. */
export function parseWith(schema: StandardSchema, data: unknown, subject: string): unknown {
  const result = schema['~standard'].validate(data)
  return result instanceof Promise ? result.then((settled) => outputOf(settled, subject)) : outputOf(result, subject)
}

function outputOf(result: SchemaResult<unknown>, subject: string): unknown {
  if (result.issues === undefined) return result.value
  const issues = result.issues.map(toValidationIssue)
  const list = issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')
  throw new ValidationError(`The data of ${subject} does not fit its schema: ${list}`, issues)
}

function toValidationIssue(issue: SchemaIssue): ValidationIssue {
  const keys = issue.path?.map((step) => String(typeof step === 'object' ? step.key : step)) ?? []
  return { message: issue.message, path: keys.join('.') }
}
