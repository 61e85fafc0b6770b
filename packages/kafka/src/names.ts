import { ConfigurationError } from '@interline/core'

const longestTopic = 249
const retryMark = 'interline-retry.'
const parkedMark = 'interline-parked.'
const deadMark = 'interline-dead-letters'
const broadcastMark = 'interline-broadcast-'

/** How destinations and groups are called on the server. */
export class Names {
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** Where dead letters are kept. */
  get deadLetters(): string {
    return `${this.#prefix}${deadMark}`
  }

  topic(destination: string): string {
    return checked(`${this.#prefix}${destination}`, `Destination "${destination}"`)
  }

  /** The group's own topic beside a destination's: what comes again later, and what was redriven. */
  retryTopic(group: string, destination: string): string {
    const name = `${this.#prefix}${retryMark}${escaped(group)}.${destination}`
    return checked(name, `Group "${group}" at "${destination}"`)
  }

  /** Where a group keeps keys of a destination that wait long for a retry. */
  parkedTopic(group: string, destination: string): string {
    const name = `${this.#prefix}${parkedMark}${escaped(group)}.${destination}`
    return checked(name, `Group "${group}" at "${destination}"`)
  }

  /** A group has a position of its own at each destination. */
  group(group: string, destination: string): string {
    return `${this.#prefix}${group}@${destination}`
  }

  broadcastGroup(id: string): string {
    return `${this.#prefix}${broadcastMark}${id}`
  }

  /** The destination that a topic carries; `undefined` for topics that are not ours to read. */
  destinationOf(topic: string): string | undefined {
    if (!topic.startsWith(this.#prefix) || topic.startsWith('__')) return undefined
    const destination = topic.slice(this.#prefix.length)
    const isOwn = destination === deadMark || destination.startsWith(retryMark) || destination.startsWith(parkedMark)
    return destination === '' || isOwn ? undefined : destination
  }

  groupOf(name: string): { readonly group: string; readonly destination: string } | undefined {
    const at = name.lastIndexOf('@')
    if (!name.startsWith(this.#prefix) || at < 0) return undefined
    return { group: name.slice(this.#prefix.length, at), destination: name.slice(at + 1) }
  }
}

/** Letters, digits and `-` stay; everything else, the dot included, becomes `_` and its bytes in hex. */
function escaped(group: string): string {
  return group.replace(/[^a-zA-Z0-9-]/gu, (character) => `_${Buffer.from(character).toString('hex')}_`)
}

function checked(topic: string, what: string): string {
  if (!/^[a-zA-Z0-9._-]+$/.test(topic) || topic === '.' || topic === '..') {
    throw new ConfigurationError(`${what} can't be a Kafka topic: its name "${topic}" may only have letters, digits, ".", "_" and "-".`)
  }
  if (topic.length <= longestTopic) return topic
  throw new ConfigurationError(`${what} can't be a Kafka topic: its name has ${topic.length} characters, and ${longestTopic} are allowed.`)
}
