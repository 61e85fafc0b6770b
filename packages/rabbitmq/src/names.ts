import { ConfigurationError } from '@interline/core'

/** AMQP's limit for the name of an exchange or queue, in bytes. */
const longestName = 255

/** What everything on the server is called. A colon sets our own words apart: it can't be typed into a destination's or a group's name. */
export class Names {
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** The topic exchange that any client may publish to; from there it goes to the first partition. */
  destination(destination: string): string {
    return checked(`${this.#prefix}.${destination}`)
  }

  /** The topic exchange that a partition of a destination is. */
  partition(destination: string, index: number): string {
    return checked(`${this.#prefix}.${destination}:partition:${index}`)
  }

  /** An exchange whose only use is what it says: it fixes the number of partitions, as no other number is accepted for it. */
  partitions(destination: string): string {
    return checked(`${this.#prefix}.${destination}:partitions`)
  }

  /** The exchange by which a message addressed to a group alone arrives. */
  group(destination: string, group: string): string {
    return checked(`${this.#prefix}.${destination}:${group}`)
  }

  /** The queue of a group that keeps no order, or one of the queues of one that does. */
  queue(destination: string, group: string, partition?: number): string {
    return checked(`${this.group(destination, group)}:${partition ?? 'all'}`)
  }

  /** What was in the hands of a process that died, for a group without order. */
  suspects(destination: string, group: string): string {
    return checked(`${this.group(destination, group)}:suspects`)
  }

  /** Every consumer of a group that keeps order sits at this queue, so that they can be counted. */
  members(destination: string, group: string): string {
    return checked(`${this.group(destination, group)}:members`)
  }

  deadLetters(destination: string, group: string): string {
    return checked(`${this.group(destination, group)}:dead`)
  }

  /** What is noted beside the messages of a queue. */
  notes(queue: string): string {
    return checked(`${queue}:notes`)
  }

  /** The exchange that routes by the name in a header. */
  get addressed(): string {
    return `${this.#prefix}:addressed`
  }

  /** Where a delay ends: like `addressed`, but what nobody takes any more is thrown away, as it would hold up what comes after it. */
  get due(): string {
    return `${this.#prefix}:due`
  }

  /** The exchange and queue for what is due and wanted by nobody. */
  get unwanted(): string {
    return `${this.#prefix}:unwanted`
  }

  /** The stream that remembers which destinations and groups there are, as AMQP has no question for it. */
  get registry(): string {
    return `${this.#prefix}:registry`
  }

  delay(level: number): string {
    return `${this.#prefix}:delay:${level}`
  }
}

function checked(name: string): string {
  if (Buffer.byteLength(name) <= longestName) return name
  throw new ConfigurationError(
    `The name "${name}" has more than ${longestName} bytes, which RabbitMQ refuses. Shorten the prefix, destination or group.`,
  )
}
