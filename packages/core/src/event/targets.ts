import { ConfigurationError, InvalidEventError } from '../errors.js'
import { hasWildcard, topicPattern } from '../wire/topic-pattern.js'
import type { EventClass } from './class-description.js'
import type { AnyEventDefinition } from './define-event.js'
import type { EventModel } from './event-model.js'
import type { GeneralEvent } from './plain-event.js'
import { describe, modelByType, modelOfTarget } from './registry.js'

/**
 * What `publish` takes: what a definition makes, an instance of any class of yours, or a plain object with `type` or `eventType`.
 * Anything else is refused when it is published.
 */
export type AnyEvent = object

/** All events of the topics that a pattern matches, taken to be of type `Event`. */
export interface TopicTarget<Event extends object = GeneralEvent> {
  readonly pattern: string
  readonly [topicTarget]: true
  /** For the compiler: what a handler gets. */
  readonly '~event'?: Event | undefined
}

/** What can be subscribed to: a definition, a class, `topic('orders.*')`, a registered type, a topic, or a topic pattern. */
export type AnyTarget = AnyEventDefinition | EventClass | TopicTarget<object> | string

/** What a handler of a target gets; for a list, any of them. */
export type EventOf<Target> = Target extends readonly (infer Item)[]
  ? EventOf<Item>
  : Target extends string
    ? GeneralEvent
    : Target extends abstract new (
          ...args: never[]
        ) => infer Event
      ? Event
      : Target extends { readonly '~event'?: infer Event }
        ? NonNullable<Event>
        : never

/** A target with everything found out about it. */
export interface ResolvedTarget {
  readonly models: readonly EventModel[]
  readonly types: readonly string[]
  /** Topic patterns, with or without wildcard. */
  readonly patterns: readonly string[]
  /** Bare text without wildcard that is no registered type: an exact topic, if it is anything. */
  readonly bareNames: readonly string[]
}

const topicTarget: unique symbol = Symbol.for('interline.topic')

/** Subscribes to topics instead of types: `*` stands for one level, `>` at the end for all the rest. Throws ConfigurationError for a bad pattern. */
export function topic<Event extends object = GeneralEvent>(pattern: string): TopicTarget<Event> {
  return { pattern: topicPattern(pattern).text, [topicTarget]: true }
}

function isTopicTarget(target: unknown): target is TopicTarget {
  return typeof target === 'object' && target !== null && topicTarget in target
}

/** Throws InvalidEventError or ConfigurationError for what can't be subscribed to. */
export function resolveTarget(target: AnyTarget | readonly AnyTarget[]): ResolvedTarget {
  const list: readonly unknown[] = Array.isArray(target) ? target : [target]
  if (list.length === 0) throw new ConfigurationError('A subscription needs at least one event; its list is empty.')
  const models = new Set<EventModel>()
  const patterns = new Set<string>()
  const bareNames = new Set<string>()
  for (const item of list) {
    if (typeof item === 'string') resolveText(item, models, patterns, bareNames)
    else if (isTopicTarget(item)) patterns.add(item.pattern)
    else models.add(requireModel(item))
  }
  return {
    models: [...models],
    types: [...new Set([...models].map(({ type }) => type))],
    patterns: [...patterns],
    bareNames: [...bareNames],
  }
}

function resolveText(text: string, models: Set<EventModel>, patterns: Set<string>, bareNames: Set<string>): void {
  const model = modelByType(text)
  if (model !== undefined) models.add(model)
  else if (hasWildcard(text)) patterns.add(topicPattern(text).text)
  else bareNames.add(topicPattern(text).text)
}

function requireModel(target: unknown): EventModel {
  const model = modelOfTarget(target)
  if (model !== undefined) return model
  const hint = typeof target === 'object' && target !== null ? ' Subscribe to the definition or class that makes it, not to an event.' : ''
  throw new InvalidEventError(
    `${describe(target)} can't be subscribed to.${hint} Give a definition, an event class, topic('orders.*') or a type's name.`,
  )
}
