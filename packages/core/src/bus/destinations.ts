import { ConfigurationError } from '../errors.js'

/**
 * Which destination carries a topic: `first-segment`, so that all events of one thing keep their order; `topic`, one for each topic; a
 * map from event type or topic, for those it names; or a function.
 */
export type Destinations = 'first-segment' | 'topic' | Readonly<Record<string, string>> | ((topic: string, type: string) => string)

export type DestinationOf = (topic: string, type: string) => string

const firstSegments = new Map<string, string>()
const memoLimit = 1_000

/** Remembered: the same text as last time is found at once by whoever looks a destination up. */
const firstSegment: DestinationOf = (topic) => {
  const known = firstSegments.get(topic)
  if (known !== undefined) return known
  const dot = topic.indexOf('.')
  const first = dot === -1 ? topic : topic.slice(0, dot)
  if (firstSegments.size >= memoLimit) firstSegments.clear()
  firstSegments.set(topic, first)
  return first
}

export function destinationRule(destinations: Destinations = 'first-segment'): DestinationOf {
  if (destinations === 'first-segment') return firstSegment
  if (destinations === 'topic') return (topic) => topic
  if (typeof destinations === 'function') return checked(destinations)
  const map = new Map(Object.entries(destinations))
  return (topic, type) => map.get(type) ?? map.get(topic) ?? firstSegment(topic, type)
}

/** The one destination that can carry topics of this pattern, or `undefined` where several may. */
export function destinationOfPattern(pattern: string, destinations: Destinations = 'first-segment'): string | undefined {
  const first = firstSegment(pattern, '')
  return destinations === 'first-segment' && first !== '*' && first !== '>' ? first : undefined
}

function checked(rule: DestinationOf): DestinationOf {
  return (topic, type) => {
    const destination = rule(topic, type)
    if (typeof destination === 'string' && destination !== '') return destination
    throw new ConfigurationError(`The destinations function gave no destination for topic "${topic}" of event "${type}". Return its name.`)
  }
}
