import type { HandlerObject, HandlerOptions } from '../bus/subscribe-options.js'
import { ConfigurationError } from '../errors.js'
import { BaseEvent, DomainEvent, IntegrationEvent, SystemEvent } from '../event/domain-event.js'
import { isClass } from '../event/registry.js'
import { type AnyTarget, resolveTarget } from '../event/targets.js'
import { classMarkOf, type MarkedMethod, methodMarksOf } from './marks.js'

/** One subscription that an instance's decorators ask for: one for each method. */
export interface HandlerDescription {
  readonly target: readonly AnyTarget[]
  readonly method: string
  /** Calls the method; brings the instance's `filter`, `errorHandler` and `retryStrategy`. */
  readonly handler: HandlerObject<object>
  /** With `name` filled in: the class's for `handle`, else `Class.method`. */
  readonly options: HandlerOptions<never>
}

type Instance = Readonly<Record<string, unknown>> & Partial<HandlerObject<object>>
type ReflectMetadata = { getMetadata?: (key: string, target: object, property: string) => unknown }

/**
 * Reads the decorators of an instance; none gives an empty list. Throws ConfigurationError where a decorated class or method leaves
 * open what it handles, or with what.
 */
export function handlerDescriptions(instance: object): readonly HandlerDescription[] {
  const ofClass = classMarkOf(instance)
  const marked = methodMarksOf(instance)
  const classTargets = ofClass?.targets ?? []
  const descriptions = marked.map((item) =>
    describe(instance, item.method, targetsOf(instance, item, classTargets), { ...ofClass?.options, ...item.mark.options }),
  )
  const covered = new Set(descriptions.flatMap(({ target }) => target.map(identify)))
  const open = classTargets.filter((target) => !covered.has(identify(target)))
  if (open.length === 0) return descriptions
  return addToHandle(instance, descriptions, open, { ...ofClass?.options })
}

/** Events of the class that no method has taken belong to `handle`. */
function addToHandle(
  instance: object,
  descriptions: readonly HandlerDescription[],
  open: readonly AnyTarget[],
  options: HandlerOptions<never>,
): readonly HandlerDescription[] {
  if (typeof (instance as Instance).handle !== 'function') {
    throw new ConfigurationError(
      `${nameOf(instance)} is decorated with @EventHandler, and nothing handles the event. Add handle(event, context), or @HandleEvent on a method.`,
    )
  }
  const present = descriptions.find(({ method }) => method === 'handle')
  if (present === undefined) return [...descriptions, describe(instance, 'handle', open, options)]
  return descriptions.map((item) => (item === present ? { ...item, target: [...item.target, ...open] } : item))
}

function describe(instance: object, method: string, target: readonly AnyTarget[], options: HandlerOptions<never>): HandlerDescription {
  const name = options.name ?? (method === 'handle' ? nameOf(instance) : `${nameOf(instance)}.${method}`)
  return { target, method, handler: handlerOf(instance as Instance, method), options: { ...options, name } }
}

function handlerOf(instance: Instance, method: string): HandlerObject<object> {
  const { filter, errorHandler, retryStrategy } = instance
  return {
    handle: (event, context) => (instance[method] as HandlerObject<object>['handle']).call(instance, event, context),
    ...(filter === undefined ? {} : { filter: (event) => filter.call(instance, event) }),
    ...(errorHandler === undefined ? {} : { errorHandler: (error, event, context) => errorHandler.call(instance, error, event, context) }),
    retryStrategy,
  }
}

function targetsOf(instance: object, { method, mark, prototype }: MarkedMethod, classTargets: readonly AnyTarget[]): readonly AnyTarget[] {
  if (mark.targets !== undefined) return mark.targets
  const inferred = parameterTypeOf(prototype, method)
  if (inferred !== undefined) return [inferred]
  if (classTargets.length > 0) return classTargets
  throw new ConfigurationError(
    `${nameOf(instance)}.${method} is decorated with @HandleEvent, and its event is not known. Name it: @HandleEvent(OrderCreated).`,
  )
}

const bases: ReadonlySet<unknown> = new Set([BaseEvent, DomainEvent, IntegrationEvent, SystemEvent])

/** The class of the first parameter, where legacy decorators wrote it down. Interfaces and unions appear as Object, which says nothing. */
function parameterTypeOf(prototype: object, method: string): AnyTarget | undefined {
  const types = (Reflect as ReflectMetadata).getMetadata?.('design:paramtypes', prototype, method)
  const first: unknown = Array.isArray(types) ? types[0] : undefined
  return isClass(first) && !bases.has(first) ? first : undefined
}

/** Two targets are the same where they stand for the same types and topics. */
function identify(target: AnyTarget): string {
  const { types, patterns, bareNames } = resolveTarget(target)
  return JSON.stringify([types, patterns, bareNames])
}

function nameOf(instance: object): string {
  return instance.constructor.name
}
