/** One thing to be subscribed to on the server. */
export interface Channel {
  /** For SUBSCRIBE, or, of a pattern, for PSUBSCRIBE. */
  readonly name: string
  readonly isPattern: boolean
  /** As the server sees it: its `*` also stands for dots, so that what comes must be matched again by its topic. */
  covers(channel: string): boolean
}

/** Where events of a topic are published: `prefix:destination:topic`. */
export class Channels {
  readonly #prefix: string
  /** Set of the destinations that anybody has published to. */
  readonly destinations: string

  constructor(prefix: string) {
    this.#prefix = prefix
    this.destinations = `${prefix}:pubsub-destinations`
  }

  of(destination: string, topic: string): string {
    return this.#begin(destination) + topic
  }

  topicOf(destination: string, channel: string): string | undefined {
    const begin = this.#begin(destination)
    return channel.startsWith(begin) ? channel.slice(begin.length) : undefined
  }

  /** What a topic pattern needs: `*` is one level and `>` the rest, and the server knows only one wildcard for both. */
  for(destination: string, pattern: string): Channel {
    const name = this.of(destination, pattern)
    if (!/[*>]/.test(pattern)) return { name, isPattern: false, covers: (channel) => channel === name }
    const parts = [this.#begin(destination), ...pattern.split(/[*>]/)]
    const [begin = '', first = '', ...rest] = parts
    const literal = [begin + first, ...rest]
    const expression = new RegExp(`^${literal.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('.*')}$`, 's')
    return {
      name: literal.map((part) => part.replaceAll(/[\\*?[\]^-]/g, '\\$&')).join('*'),
      isPattern: true,
      covers: (channel) => expression.test(channel),
    }
  }

  /** A destination's own colons must not look like the one that ends it. */
  #begin(destination: string): string {
    return `${this.#prefix}:${destination.replaceAll('%', '%25').replaceAll(':', '%3A')}:`
  }
}
