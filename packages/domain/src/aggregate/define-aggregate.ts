import type { AnyTarget, EventOf } from '@interline/core'
import { type AggregateModel, modelOfAggregate } from './aggregate-model.js'
import { DefinedAggregate } from './defined-aggregate.js'

/** What a definition or a class makes: what `decide` gives. */
export type MadeBy<Target> = Target extends readonly (infer Item)[]
  ? MadeBy<Item>
  : Target extends abstract new (
        ...args: never[]
      ) => infer Event
    ? Event
    : Target extends (...args: never[]) => infer Event
      ? Event
      : object

export interface AggregateDescription<State, Events extends readonly AnyTarget[], Command> {
  /** The definitions and classes of its events. Events of another type may be in its stream, and mean nothing to it. */
  readonly events: Events
  /** The state before the first event; a function, or a value of which each aggregate gets a copy. */
  readonly initial: State | (() => State)
  /** The state after an event: another one, the given one stays as it is. */
  readonly evolve: (state: State, event: EventOf<Events>) => State
  /** What a command makes happen in a state. Throws where it may not; gives nothing where nothing is to happen. */
  readonly decide?: ((command: Command, state: State) => MadeBy<Events> | readonly MadeBy<Events>[] | undefined) | undefined
  readonly snapshot?: SnapshotDescription<State> | undefined
}

/** How a state is kept that is no plain JSON by itself, and in which form. */
export interface SnapshotDescription<State> {
  /** Raised whenever the state's form changes. Default 1. */
  readonly version?: number | undefined
  readonly write?: ((state: State) => unknown) | undefined
  readonly read?: ((stored: unknown) => State) | undefined
}

/** Aggregates of one type, as a repository takes them. */
export interface AggregateDefinition<State, Event extends object, Made extends object, Command> {
  readonly type: string
  /** A new one. */
  create(id: string): DefinedAggregate<State, Event, Made, Command>
  /** The state that events make, without a store: for tests, and for folds of other kinds. */
  fold(events: readonly Event[], state?: State): State
  /** The aggregate of a definition, for the compiler. */
  readonly '~aggregate'?: DefinedAggregate<State, Event, Made, Command> | undefined
}

/** An aggregate as functions: `decide` says what happens, `evolve` what that changes. The types of state and events are inferred. */
export function defineAggregate<State, const Events extends readonly AnyTarget[], Command = never>(
  type: string,
  description: AggregateDescription<State, Events, Command>,
): AggregateDefinition<State, EventOf<Events>, MadeBy<Events> & object, Command> {
  type Event = EventOf<Events>
  type Made = MadeBy<Events> & object
  const model: AggregateModel<State, Event, Made, Command> = modelOfAggregate(type, description as never)
  return {
    type: model.type,
    create: (id) => new DefinedAggregate(id, model),
    fold: (events, state = model.initial()) => events.reduce((current, event) => model.evolve(current, event), state),
  }
}
