import { type AnyTarget, ConfigurationError, resolveTarget } from '@interline/core'
import type { EventSourcedAggregate } from '../aggregate/event-sourced-aggregate.js'
import { checkAggregateType, typeOfAggregateClass } from '../aggregate/tracking.js'

/** What a repository is of: a class that is made with an id, or what `defineAggregate` gave. */
export type AggregateSource<Aggregate> = (new (id: string) => Aggregate) | AggregateFactory<Aggregate>

/** For classes that are made with more than an id, too. */
export interface AggregateFactory<Aggregate> {
  readonly type: string
  create(id: string): Aggregate
}

/**
 * Everything as a factory. A class's static `events` make its event classes known, so that events are instances of them also where none
 * was made in this process before.
 */
export function factoryOf<Aggregate extends EventSourcedAggregate<object>>(
  source: AggregateSource<Aggregate>,
): AggregateFactory<Aggregate> {
  if (typeof source !== 'function') {
    checkAggregateType(source.type)
    return source
  }
  const { events } = source as { readonly events?: readonly AnyTarget[] }
  if (events !== undefined) resolveTarget(events)
  return { type: typeOfAggregateClass(source), create: (id) => new source(id) }
}

/** Whether an aggregate's state can be kept in a snapshot. Throws ConfigurationError where it can only be written, or only read. */
export function takesSnapshots(aggregate: EventSourcedAggregate<object>): boolean {
  const [writes, reads] = [typeof aggregate.toSnapshot === 'function', typeof aggregate.fromSnapshot === 'function']
  if (writes === reads) return writes
  throw new ConfigurationError(`${aggregate.constructor.name} has only one of toSnapshot and fromSnapshot. Give it the other, too.`)
}
