import { ConfigurationError, InvalidEventError } from '@interline/core'

/** What is known of an aggregate beside its own state: how much of it is stored, and what is not. */
export interface Tracking {
  /** The stream's version that it was loaded from or saved as; 0 where nothing of it is stored. */
  committed: number
  /** Applied and not yet stored, in order. */
  changes: object[]
  /** Ends when nobody saves it. */
  saving: Promise<unknown>
  /** Saves it where it came from. */
  commit: (() => Promise<void>) | undefined
}

const trackings = new WeakMap<object, Tracking>()

export function trackingOf(aggregate: object): Tracking {
  let tracking = trackings.get(aggregate)
  if (tracking === undefined) {
    tracking = { committed: 0, changes: [], saving: Promise.resolve(), commit: undefined }
    trackings.set(aggregate, tracking)
  }
  return tracking
}

/** The type of an aggregate's class: its static field `aggregateType`, else its name. */
export function typeOfAggregateClass(target: unknown): string {
  const { aggregateType, name } = target as { readonly aggregateType?: unknown; readonly name?: unknown }
  return checkAggregateType(aggregateType ?? name)
}

export function checkAggregateType(type: unknown): string {
  if (typeof type !== 'string' || type === '') {
    throw new ConfigurationError(`An aggregate needs a type, text that is not empty: static readonly aggregateType = 'account'.`)
  }
  // "a:b" with the id "c" and "a" with the id "b:c" would be one stream.
  if (type.includes(':')) throw new ConfigurationError(`The aggregate type "${type}" has a colon in it. Name it without one.`)
  return type
}

/** The stream of an aggregate, which is also the one that a bus with a store appends to. */
export function streamOfAggregate(type: string, id: string): string {
  return `${type}:${checkAggregateId(id)}`
}

export function checkAggregateId(id: unknown): string {
  if (typeof id === 'string' && id !== '') return id
  throw new InvalidEventError('An aggregate needs an id, text that is not empty, such as "order-42".')
}
