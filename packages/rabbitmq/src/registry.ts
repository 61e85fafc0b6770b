import { randomUUID } from 'node:crypto'
import { ConnectionError, toError } from '@interline/core'
import type { Channel, ConsumeMessage } from 'amqplib'
import type { GroupName } from './context.js'
import type { Link } from './link.js'
import type { Names } from './names.js'
import { insist } from './patience.js'

/** What the stream holds. `here` is written by a reader, so that it knows when it has read all that was there before. */
type Entry =
  | { readonly kind: 'destination'; readonly destination: string }
  | ({ readonly kind: 'group' } & KnownGroup)
  | ({ readonly kind: 'removed' } & GroupName)
  | { readonly kind: 'here'; readonly id: string }

export interface KnownGroup extends GroupName {
  readonly order: 'key' | 'none'
}

/**
 * Which destinations and groups there are. AMQP has no question for that, so whoever makes one writes it into a stream, which everybody
 * reads from its beginning, and then follows.
 */
export class Registry {
  readonly #link: Link
  readonly #names: Names
  readonly #destinations = new Set<string>()
  readonly #groups = new Map<string, KnownGroup>()
  #reading: Promise<void> | undefined

  constructor(link: Link, names: Names) {
    this.#link = link
    this.#names = names
  }

  async destinations(): Promise<readonly string[]> {
    await this.#read()
    return [...this.#destinations]
  }

  async groups(): Promise<readonly KnownGroup[]> {
    await this.#read()
    return [...this.#groups.values()]
  }

  async write(entry: Entry): Promise<void> {
    try {
      await insist(() => this.#write(entry))
      // whoever wrote it sees it at once; to others the stream brings it
      this.#apply(entry)
    } catch (thrown) {
      throw unavailable(thrown)
    }
  }

  close(): Promise<void> {
    return this.#link.close()
  }

  async #write(entry: Entry): Promise<void> {
    const channel = await this.#link.confirmChannel()
    try {
      await this.#declare(channel)
      channel.sendToQueue(this.#names.registry, Buffer.from(JSON.stringify(entry)), { persistent: true, contentType: 'application/json' })
      await channel.waitForConfirms()
    } finally {
      // not awaited: the client never answers where the connection breaks meanwhile
      channel.close().catch(() => undefined)
    }
  }

  /** From the beginning to now; from then on it follows by itself, for as long as the connection lasts. */
  #read(): Promise<void> {
    if (this.#reading !== undefined) return this.#reading
    const ended = (): void => {
      // its channel may end after the next reading has begun
      if (this.#reading === reading) this.#reading = undefined
    }
    const reading = this.#follow(ended).catch((thrown: unknown) => {
      ended()
      throw unavailable(thrown)
    })
    this.#reading = reading
    return reading
  }

  async #follow(ended: () => void): Promise<void> {
    const channel = await this.#link.channel()
    try {
      await this.#followBy(channel, ended)
    } catch (thrown) {
      // the next reader follows by one of its own
      channel.close().catch(() => undefined)
      throw thrown
    }
  }

  async #followBy(channel: Channel, ended: () => void): Promise<void> {
    const id = randomUUID()
    let caughtUp: () => void = () => undefined
    const followed = new Promise<void>((resolve, reject) => {
      caughtUp = resolve
      let failure: Error | undefined
      channel.on('error', (error) => (failure = error))
      channel.on('close', () => {
        ended()
        reject(failure ?? new Error('the channel was closed'))
      })
    })
    // seen where it is awaited; a channel that ends later ends nothing but the following
    followed.catch(() => undefined)
    await this.#declare(channel)
    await channel.prefetch(1_000)
    const take = (message: ConsumeMessage | null): void => {
      if (message === null) return void channel.close().catch(() => undefined)
      channel.ack(message)
      const entry = read(message.content)
      if (entry?.kind === 'here' && entry.id === id) caughtUp()
      else if (entry !== undefined) this.#apply(entry)
    }
    await channel.consume(this.#names.registry, take, { arguments: { 'x-stream-offset': 'first' } })
    await this.write({ kind: 'here', id })
    await followed
  }

  async #declare(channel: {
    assertQueue(queue: string, options: { durable: boolean; arguments: object }): Promise<unknown>
  }): Promise<void> {
    await channel.assertQueue(this.#names.registry, { durable: true, arguments: { 'x-queue-type': 'stream' } })
  }

  #apply(entry: Entry): void {
    if (entry.kind === 'destination') this.#destinations.add(entry.destination)
    if (entry.kind === 'group') this.#groups.set(keyOf(entry), { destination: entry.destination, group: entry.group, order: entry.order })
    if (entry.kind === 'removed') this.#groups.delete(keyOf(entry))
  }
}

function unavailable(cause: unknown): ConnectionError {
  return new ConnectionError(`RabbitMQ's list of destinations and groups can't be used: ${toError(cause).message}`, { cause })
}

function keyOf({ destination, group }: GroupName): string {
  return JSON.stringify([destination, group])
}

/** What somebody else wrote there is no entry. */
function read(content: Buffer): Entry | undefined {
  try {
    const value = JSON.parse(content.toString()) as Entry | null
    return typeof value === 'object' && value !== null && typeof value.kind === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
