import type { Subscriber } from '../delivery/subscriber.js'
import type { ResolvedTarget } from '../event/targets.js'
import type { StartPosition } from '../ports/broker.js'
import { matchesTopic } from '../wire/topic-pattern.js'
import { type DestinationOf, type Destinations, destinationOfPattern } from './destinations.js'
import type { FailureDemands } from './managed-broker.js'

/** A subscription as it was asked for, before any broker knows of it. */
export interface Registration {
  readonly subscriber: Subscriber
  readonly group: string
  /** Destinations that are certain. */
  readonly destinations: readonly string[]
  /** Topic patterns, for brokers that filter and for what arrives. */
  readonly topics: readonly string[]
  /** Patterns that may be carried by destinations which do not exist yet. */
  readonly openPatterns: readonly string[]
  readonly order: 'key' | 'none' | undefined
  readonly from: StartPosition | 'earliest'
  readonly broadcast: boolean
  readonly demands: FailureDemands
}

export interface Reach {
  readonly destinations: readonly string[]
  readonly topics: readonly string[]
  readonly openPatterns: readonly string[]
  readonly matches: (type: string, topic: string) => boolean
}

/** Where a target's events come from, and which of what comes from there are meant. */
export function reachOf(target: ResolvedTarget, destinationOf: DestinationOf, destinations: Destinations | undefined): Reach {
  const certain = new Set<string>()
  const topics = new Set<string>(target.patterns)
  const openPatterns: string[] = []
  for (const model of target.models) {
    certain.add(destinationOf(model.topic, model.type))
    topics.add(model.topic)
  }
  for (const name of target.bareNames) {
    certain.add(destinationOf(name, name))
    topics.add(name)
  }
  for (const pattern of target.patterns) {
    const destination = destinationOfPattern(pattern, destinations)
    if (destination === undefined) openPatterns.push(pattern)
    else certain.add(destination)
  }
  const types = new Set([...target.models.map(({ type }) => type), ...target.bareNames])
  const names = new Set(target.bareNames)
  const { patterns } = target
  const matches = (type: string, topic: string): boolean =>
    types.has(type) || names.has(topic) || patterns.some((pattern) => matchesTopic(pattern, topic))
  return { destinations: [...certain], topics: [...topics], openPatterns, matches }
}
