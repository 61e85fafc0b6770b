/** The keys of one partition of a destination. They share a hash tag, and so a slot of a cluster. */
export interface PartitionKeys {
  /** The stream of what was published. */
  readonly events: string
  /** Sorted set of what waits for its `deliverAt`. */
  readonly scheduled: string
  /** Set while somebody waits for news of the partition; on a cluster only. */
  readonly waiting: string
  /** Where the news is told that something was added. */
  readonly news: string
}

/** What a group keeps beside a partition, in the same slot. */
export interface GroupKeys {
  /** Stream of what this group alone gets: retried and redriven events. */
  readonly retry: string
  /** Sorted set of retries that wait for their time. */
  readonly delayed: string
  /** Hash of entry to noted progress. */
  readonly notes: string
  /** Who owns the partition, with a token and for how long: `consumer:token/milliseconds`. */
  readonly lease: string
  /** Counter of fencing tokens. */
  readonly token: string
}

/** Where letters are kept: their texts, and their order by time. */
export interface LetterKeys {
  readonly deadLetters: string
  readonly deadLetterIndex: string
}

/** Every name in Redis is made here. */
export class KeySpace implements LetterKeys {
  /** Hash of destination to number of partitions. */
  readonly destinations: string
  readonly deadLetters: string
  readonly deadLetterIndex: string

  constructor(readonly prefix: string) {
    this.destinations = `${prefix}:destinations`
    this.deadLetters = `{${prefix}:dead-letters}:letters`
    this.deadLetterIndex = `{${prefix}:dead-letters}:index`
  }

  partition(destination: string, index: number): PartitionKeys {
    const tag = this.#tag(destination, index)
    return { events: `${tag}:events`, scheduled: `${tag}:scheduled`, waiting: `${tag}:waiting`, news: `${tag}:news` }
  }

  group(destination: string, index: number, group: string): GroupKeys {
    const tag = this.#tag(destination, index)
    return {
      retry: `${tag}:retry:${group}`,
      delayed: `${tag}:delayed:${group}`,
      notes: `${tag}:notes:${group}`,
      lease: `${tag}:lease:${group}`,
      token: `${tag}:token:${group}`,
    }
  }

  /** Sorted set of a group's living consumers at a destination, by the time their membership ends. */
  members(destination: string, group: string): string {
    return `{${this.prefix}:${destination}}:members:${group}`
  }

  /** What a group has parked of a destination. */
  parked(destination: string, group: string): LetterKeys {
    const tag = `{${this.prefix}:${destination}:parked:${group}}`
    return { deadLetters: `${tag}:letters`, deadLetterIndex: `${tag}:index` }
  }

  /** The number of the last batch that a publisher stored. */
  publisher(id: string): string {
    return `${this.prefix}:publisher:${id}`
  }

  /** The same for one partition alone, in its slot. */
  partitionPublisher(destination: string, index: number, id: string): string {
    return `${this.#tag(destination, index)}:publisher:${id}`
  }

  #tag(destination: string, index: number): string {
    return `{${this.prefix}:${destination}:${index}}`
  }
}

/** FNV-1a, 32 bits, over UTF-8: simple enough for a publisher in another language to find the same partition. */
export function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index++) {
    const code = key.charCodeAt(index)
    if (code > 127) return hashBytes(Buffer.from(key)) % partitions
    hash = Math.imul(hash ^ code, 0x01000193)
  }
  return (hash >>> 0) % partitions
}

function hashBytes(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
