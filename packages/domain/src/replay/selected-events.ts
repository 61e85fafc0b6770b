import {
  ConfigurationError,
  eventFilter,
  filteredOf,
  type IEventStore,
  type Position,
  type RecordedEvent,
  resolveTarget,
  streamDeletedType,
} from '@interline/core'
import { streamOfAggregate } from '../aggregate/tracking.js'
import type { ReplaySelection } from './replay-options.js'

/** Where a replay is: the last event that was handed over. */
export interface ReplayPlace {
  readonly position: Position
  readonly version: number
}

export interface ReadSelection {
  readonly begin: ReplayPlace | undefined
  /** The head of the store when the replay began: what came later is not of it, be it made by the replay itself. */
  readonly end: Position
  readonly signal: AbortSignal
}

/** A selection with everything checked. */
export class SelectedEvents {
  readonly #selection: ReplaySelection
  readonly #stream: string | undefined
  readonly #types: readonly string[] | undefined

  constructor(selection: ReplaySelection) {
    this.#selection = selection
    this.#stream = streamOf(selection)
    this.#types = selection.types === undefined ? undefined : typesOf(selection.types)
  }

  /** The same for the same selection, to tell that a name stands for another one. */
  get fingerprint(): string {
    const { aggregateType, correlationId, tenantId, since, until, after } = this.#selection
    return JSON.stringify([this.#stream, this.#types, aggregateType, correlationId, tenantId, since, until, after])
  }

  async *read(store: IEventStore, { begin, end, signal }: ReadSelection): AsyncGenerator<RecordedEvent, void, undefined> {
    const { aggregateType, correlationId, tenantId, since, until, after } = this.#selection
    const filters = { types: this.#types, aggregateType, correlationId, tenantId, since, until }
    const isWanted = eventFilter(filters)
    const events =
      this.#stream === undefined
        ? store.readAll({ ...filters, after: begin?.position ?? after, signal })
        : store.readStream(this.#stream, { from: (begin?.version ?? 0) + 1, signal })
    for await (const event of events) {
      if (isBeyond(event.position, end)) return
      const { attributes } = event.message
      // Who did not ask for deletions by name does not want to know of them.
      if (this.#types === undefined && attributes.type === streamDeletedType) continue
      if (this.#stream === undefined || isWanted(filteredOf(attributes, event.recordedAt))) yield event
    }
  }
}

function streamOf({ stream, aggregateType, aggregateId, after }: ReplaySelection): string | undefined {
  if (aggregateId !== undefined) {
    if (stream !== undefined) throw new ConfigurationError('stream and aggregateId each say which stream. Give one of them.')
    if (aggregateType === undefined) throw new ConfigurationError(`aggregateId is "${aggregateId}"; say its aggregateType, too.`)
  }
  const found = aggregateId === undefined ? stream : streamOfAggregate(aggregateType as string, aggregateId)
  if (found !== undefined && after !== undefined)
    throw new ConfigurationError('after is a place among all events. Leave it out for one stream.')
  return found
}

function typesOf(targets: NonNullable<ReplaySelection['types']>): readonly string[] {
  const { types, patterns, bareNames } = resolveTarget(targets)
  if (patterns.length > 0) throw new ConfigurationError(`A replay is of types of events, and "${patterns[0]}" is a pattern of topics.`)
  return [...types, ...bareNames]
}

const decimal = /^\d+$/

/** Positions of every store of ours are numbers that grow. Of another store's nothing is known: it is read to where it ends. */
function isBeyond(position: Position, end: Position): boolean {
  return decimal.test(position) && decimal.test(end) && BigInt(position) > BigInt(end)
}
