import { InvalidEventError } from '../errors.js'
import type { EventClass } from './class-description.js'
import { type ClassModel, modelOfClass } from './class-model.js'
import { modelOfDefinition } from './define-event.js'
import type { EventModel } from './event-model.js'
import { modelByType, modelOfKnownClass, register, rememberClass } from './known-models.js'
import { GeneralModel, modelOfPlainEvent, typeOfPlainEvent } from './plain-event.js'
import { modelOfValue } from './value-event.js'

export { clearEventRegistry, modelByType, register, registeredTypes, registryGeneration } from './known-models.js'

let lastClass: object | undefined
let lastModel: EventModel | undefined

/** The model of anything that `publish` takes. Throws InvalidEventError, saying what is wrong, for what is no event. */
export function modelOfEvent(event: object): EventModel {
  const made = modelOfValue(event)
  if (made !== undefined) return made
  const prototype = Object.getPrototypeOf(event) as { readonly constructor?: unknown } | null
  // The second look is for plain objects of another realm, such as a test runner's.
  if (prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null) return modelOfPlain(event)
  const target = prototype.constructor
  if (target === lastClass && lastModel !== undefined) return lastModel
  if (typeof target !== 'function' || isBuiltIn(event, target)) throw new InvalidEventError(`${describe(event)} is no event. ${whatIsOne}`)
  return modelOfConstructor(target as unknown as EventClass, event)
}

/** The type of anything that `publish` takes, and of anything that a handler gets. */
export function typeOfEvent(event: object): string {
  const { eventType } = event as { readonly eventType?: unknown }
  return typeof eventType === 'string' ? eventType : modelOfEvent(event).type
}

/** The model of a definition or a class. `undefined` for anything else. */
export function modelOfTarget(target: unknown): EventModel | undefined {
  const defined = modelOfDefinition(target)
  if (defined !== undefined) return defined
  if (!isClass(target)) return undefined
  return modelOfConstructor(target)
}

/** The model for a received event: the one that is registered, else one that leaves its data as it is. */
export function modelOfReceivedType(type: string): EventModel {
  return modelByType(type) ?? new GeneralModel(type)
}

function modelOfConstructor(target: EventClass, instance?: object): EventModel {
  let model = modelOfKnownClass(target)
  if (model === undefined) {
    const found: ClassModel = modelOfClass(target, instance)
    register(found, found.fingerprint)
    rememberClass(target, found)
    model = found
  }
  lastClass = target
  lastModel = model
  return model
}

function modelOfPlain(event: object): EventModel {
  const type = typeOfPlainEvent(event)
  if (type === undefined)
    throw new InvalidEventError(`An object without a type is no event: it has neither "type" nor "eventType". ${whatIsOne}`)
  return modelByType(type) ?? modelOfPlainEvent(event, type)
}

const whatIsOne = 'Publish OrderCreated({ … }) from defineEvent, an instance of an event class, or an object with a type.'

/** For messages about something that is no event; never its contents. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'An array (use publishBatch for several events)'
  if (typeof value === 'function') return `The function or class ${value.name} (publish what it makes)`
  if (typeof value !== 'object') return `A ${typeof value}`
  return value instanceof Promise ? 'A promise (await it first)' : `A ${value.constructor?.name ?? 'value'}`
}

function isBuiltIn(event: object, target: { readonly name: string }): boolean {
  return Array.isArray(event) || event instanceof Error || (globalThis as Record<string, unknown>)[target.name] === target
}

/** A class, or a function with a prototype of its own, which older compilers make of one. */
export function isClass(target: unknown): target is EventClass {
  return (
    typeof target === 'function' &&
    typeof target.prototype === 'object' &&
    target.prototype !== null &&
    !isBuiltIn(target.prototype, target)
  )
}
