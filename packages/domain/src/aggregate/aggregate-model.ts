import { type AnyTarget, ConfigurationError, resolveTarget, typeOfEvent } from '@interline/core'
import type { AggregateDescription } from './define-aggregate.js'
import { checkAggregateType } from './tracking.js'

/** A description with everything checked and decided. */
export interface AggregateModel<State, Event extends object, Made extends object, Command> {
  readonly type: string
  readonly snapshotVersion: number
  initial(): State
  evolve(state: State, event: Event): State
  decide(command: Command, state: State): readonly Made[]
  write(state: State): unknown
  read(stored: unknown): State
}

const names: ReadonlySet<string> = new Set(['events', 'initial', 'evolve', 'decide', 'snapshot'])

/** Throws ConfigurationError for a description that can't be meant. */
export function modelOfAggregate<State, Event extends object, Made extends object, Command>(
  type: string,
  description: AggregateDescription<State, readonly AnyTarget[], Command>,
): AggregateModel<State, Event, Made, Command> {
  checkAggregateType(type)
  const unknown = Object.keys(description).find((name) => !names.has(name))
  if (unknown !== undefined)
    throw new ConfigurationError(`Aggregate "${type}" has no option "${unknown}". Options: ${[...names].join(', ')}.`)
  const { events, initial, evolve, decide, snapshot = {} } = description
  if (typeof evolve !== 'function') throw new ConfigurationError(`Aggregate "${type}": evolve must be a function of state and event.`)
  const { version = 1, write = identity, read = identity } = snapshot
  if (!Number.isInteger(version) || version < 1) {
    throw new ConfigurationError(`Aggregate "${type}": snapshot.version is ${version}; give a whole number from 1.`)
  }
  const known: ReadonlySet<string> = new Set(resolveTarget(events).types)
  return {
    type,
    snapshotVersion: version,
    initial: () => (typeof initial === 'function' ? (initial as () => State)() : structuredClone(initial)),
    evolve(state, event) {
      const eventType = typeOfEvent(event)
      if (!known.has(eventType)) return state
      const next: State | undefined = evolve(state, event as never)
      if (next !== undefined) return next
      throw new ConfigurationError(
        `Aggregate "${type}": evolve gave nothing for "${eventType}". Give the state, also where it stays the same.`,
      )
    },
    decide(command, state) {
      if (decide === undefined)
        throw new ConfigurationError(`Aggregate "${type}" has no decide, so it takes no commands. Add one, or use add().`)
      const decided: unknown = decide(command, state)
      if (typeof (decided as { readonly then?: unknown } | undefined)?.then === 'function') {
        throw new ConfigurationError(`Aggregate "${type}": decide gave a promise. Find out beforehand what it needs to know.`)
      }
      return (decided === undefined ? [] : Array.isArray(decided) ? decided : [decided]) as readonly Made[]
    },
    write: write as (state: State) => unknown,
    read: read as (stored: unknown) => State,
  }
}

function identity(value: unknown): unknown {
  return value
}
