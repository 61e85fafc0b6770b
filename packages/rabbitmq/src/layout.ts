import type { Source } from '@interline/core'
import type { GroupName } from './context.js'
import type { Names } from './names.js'
import { addressHeader, optionalHeader, partitionHeader } from './rabbitmq-message.js'
import type { ResolvedOptions } from './rabbitmq-options.js'
import type { Registry } from './registry.js'
import type { Declaration, Need } from './topology.js'

/** Survives the loss of a node where there are several. */
const quorum = { 'x-queue-type': 'quorum' } as const

/** One level of delay lasts twice as long as the one below; the lowest lasts this. */
export const delayUnitMs = 8
const levels = 32
/** The longest delay, a little over a year. */
export const longestDelayMs: number = delayUnitMs * (2 ** levels - 1)

export interface Destination extends Need {
  /** The exchanges that events are published to. */
  readonly partitions: readonly string[]
}

/** What has to be on the server, and why it is cut that way: README.md has the picture. */
export class Layout {
  readonly names: Names
  readonly #partitions: number
  readonly #registry: Registry
  /** Every publish asks for these. */
  readonly #destinations = new Map<string, Destination>()

  constructor(names: Names, { partitions }: ResolvedOptions, registry: Registry) {
    this.names = names
    this.#partitions = partitions
    this.#registry = registry
  }

  destination(destination: string): Destination {
    const known = this.#destinations.get(destination)
    if (known !== undefined) return known
    const made = this.#destination(destination)
    this.#destinations.set(destination, made)
    return made
  }

  #destination(destination: string): Destination {
    const { names } = this
    const exchange = names.destination(destination)
    const fixed = names.partitions(destination)
    const partitions = Array.from({ length: this.#partitions }, (_, index) => names.partition(destination, index))
    return {
      partitions,
      key: `destination ${destination}`,
      announced: { exchange, announce: () => this.#registry.write({ kind: 'destination', destination }) },
      declarations: () => [
        { kind: 'exchange', name: fixed, type: 'fanout', alternate: `${fixed}:${this.#partitions}` },
        ...[exchange, ...partitions].map((name): Declaration => ({ kind: 'exchange', name, type: 'topic' })),
        ...this.addressing().declarations(),
        // a client that knows nothing of partitions keeps its order in one of them
        { kind: 'binding', to: 'exchange', name: partitions[0] as string, source: exchange, pattern: '#' },
        ...partitions.map((name) => addressed(names.due, name)),
      ],
    }
  }

  /** The exchanges that route by an address. */
  addressing(): Need {
    const { names } = this
    return { key: 'addressing', declarations: () => [{ kind: 'exchange', name: names.addressed, type: 'headers' }, ...due(names)] }
  }

  /** The exchanges and queues of a durable group. A group that keeps order and one that does not differ in the exchange's type. */
  group({ destination, group, order }: Source): Need {
    const { names } = this
    const exchange = names.group(destination, group)
    const ordered = (): readonly Declaration[] => {
      const single = { ...quorum, 'x-single-active-consumer': true }
      const queues = Array.from({ length: this.#partitions }, (_, index) => names.queue(destination, group, index))
      return [
        { kind: 'exchange', name: exchange, type: 'headers' },
        ...queues.map((name): Declaration => ({ kind: 'queue', name, arguments: single })),
        ...queues.map(
          (name, index): Declaration => ({
            kind: 'binding',
            to: 'queue',
            name,
            source: exchange,
            pattern: '',
            headers: { [partitionHeader]: String(index) },
          }),
        ),
        { kind: 'queue', name: names.members(destination, group), arguments: { ...quorum, 'x-max-length': 0 } },
      ]
    }
    const unordered = (): readonly Declaration[] => [
      { kind: 'exchange', name: exchange, type: 'fanout' },
      { kind: 'queue', name: names.queue(destination, group), arguments: quorum },
      { kind: 'binding', to: 'queue', name: names.queue(destination, group), source: exchange, pattern: '' },
      { kind: 'queue', name: names.suspects(destination, group), arguments: { ...quorum, 'x-single-active-consumer': true } },
    ]
    return {
      key: `group ${destination} ${group}`,
      announced: { exchange, announce: () => this.#registry.write({ kind: 'group', destination, group, order }) },
      declarations: () => [
        ...(order === 'key' ? ordered() : unordered()),
        ...this.deadLetters({ destination, group }).declarations(),
        addressed(names.addressed, exchange),
        addressed(names.due, exchange),
      ],
    }
  }

  /** What a group wants of its destination. Topics are added, never taken away: another process of the group may still want them. */
  topics({ destination, group, order }: Source, topics: readonly string[]): Need {
    const { names } = this
    const queueOf = (index: number): string => names.queue(destination, group, order === 'key' ? index : undefined)
    return {
      key: `topics ${destination} ${group} ${[...topics].sort().join(' ')}`,
      declarations: () =>
        this.destination(destination).partitions.flatMap((source, index) =>
          topics.map((topic): Declaration => ({ kind: 'binding', to: 'queue', name: queueOf(index), source, pattern: patternOf(topic) })),
        ),
    }
  }

  deadLetters({ destination, group }: GroupName): Need {
    const name = this.names.deadLetters(destination, group)
    return { key: `dead letters ${name}`, declarations: () => [{ kind: 'queue', name, arguments: quorum }] }
  }

  notes(name: string): Need {
    return {
      key: `notes ${name}`,
      declarations: () => [{ kind: 'queue', name, arguments: { ...quorum, 'x-max-length': 1, 'x-overflow': 'drop-head' } }],
    }
  }

  /**
   * A staircase of queues, each with half the time of the one above. A message goes down it and enters those whose bit of its delay is set,
   * so that any delay is exact and none waits behind a longer one.
   */
  delays(highest: number): Need {
    const { names } = this
    const level = (index: number): readonly Declaration[] => {
      const name = names.delay(index)
      const next = index === 0 ? names.due : names.delay(index - 1)
      const header = delayHeaderOf(index)
      const words = {
        ...quorum,
        'x-message-ttl': delayUnitMs * 2 ** index,
        'x-dead-letter-exchange': next,
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
      }
      return [
        { kind: 'exchange', name, type: 'headers' },
        { kind: 'queue', name, arguments: words },
        { kind: 'binding', to: 'queue', name, source: name, pattern: '', headers: { [header]: '1' } },
        { kind: 'binding', to: 'exchange', name: next, source: name, pattern: '', headers: { [header]: '0' } },
      ]
    }
    return {
      key: `delays ${highest}`,
      declarations: () => [...due(names), ...Array.from({ length: highest + 1 }, (_, index) => level(index)).flat()],
    }
  }
}

export function delayHeaderOf(level: number): string {
  return `interline-delay-${level}`
}

/** How a topic pattern is written as a binding. */
export function patternOf(topic: string): string {
  return topic.replace(/(^|\.)>$/, '$1#')
}

/** Routing to an exchange by its name in a header: an exchange that is not there is no fault of the channel then. */
function addressed(source: string, exchange: string): Declaration {
  return { kind: 'binding', to: 'exchange', name: exchange, source, pattern: '', headers: { [addressHeader]: exchange } }
}

function due(names: Names): readonly Declaration[] {
  const { due, unwanted } = names
  return [
    { kind: 'exchange', name: unwanted, type: 'fanout' },
    { kind: 'queue', name: unwanted, arguments: { ...quorum, 'x-max-length': 0 } },
    { kind: 'exchange', name: due, type: 'headers', alternate: unwanted },
    { kind: 'binding', to: 'queue', name: unwanted, source: unwanted, pattern: '' },
    { kind: 'binding', to: 'queue', name: unwanted, source: due, pattern: '', headers: { [optionalHeader]: '1' } },
  ]
}
