import { PublishError, toError, type WireMessage } from '@interline/core'
import type { Redis } from 'ioredis'
import { isReply, type Link } from '../connections.js'
import type { Links } from '../links.js'
import type { Channels } from './channels.js'
import { encodePayload } from './pubsub-message.js'

interface Outgoing {
  readonly channel: string
  readonly payload: string
}

/** Publishes over one connection, in the order of the calls. Nothing is sent twice: an answer that got lost is `unknown`. */
export class PubSubPublisher {
  readonly #link: Link
  readonly #links: Links
  readonly #channels: Channels
  readonly #counts: { published: number }
  readonly #known = new Set<string>()
  readonly #running = new Set<Promise<unknown>>()
  #opened: Promise<unknown> = Promise.resolve()

  constructor(link: Link, links: Links, channels: Channels, counts: { published: number }) {
    this.#link = link
    this.#links = links
    this.#channels = channels
    this.#counts = counts
  }

  publish(messages: readonly WireMessage[]): Promise<void> {
    const publishing = this.#publish(messages)
    this.#running.add(publishing)
    const done = (): void => void this.#running.delete(publishing)
    publishing.then(done, done)
    return publishing
  }

  /** Resolves when everything accepted so far has its answer. */
  async flush(): Promise<void> {
    await Promise.allSettled(this.#running)
  }

  async #publish(messages: readonly WireMessage[]): Promise<void> {
    const outgoing = this.#encode(messages)
    // one after the other, so that a call that waits for a connection is not overtaken
    const opening = this.#opened.then(() => this.#link.open())
    this.#opened = opening.catch(() => undefined)
    let client: Redis
    try {
      client = await opening
    } catch (thrown) {
      const cause = toError(thrown)
      throw new PublishError(`Nothing was published: ${cause.message}`, { cause, outcome: 'failed' })
    }
    const noting = this.#note(messages)
    const results = await Promise.allSettled(outgoing.map(({ channel, payload }) => client.publish(channel, payload)))
    await noting
    const failed = results.flatMap((result, index) => (result.status === 'rejected' ? [index] : []))
    this.#counts.published += results.length - failed.length
    const first = results.find((result) => result.status === 'rejected')
    if (first === undefined) return
    const cause = toError(first.reason)
    const answered = isReply(cause)
    if (!answered) this.#link.discard(client)
    throw new PublishError(
      answered
        ? `Redis refused to publish: ${cause.message}`
        : `Redis did not answer, and the events may have been published: ${cause.message}`,
      { cause, failed, outcome: answered ? 'failed' : 'unknown' },
    )
  }

  /** Subscriptions that leave the destination open find it there. Where it fails, the next publish does it. */
  async #note(messages: readonly WireMessage[]): Promise<void> {
    const news = [...new Set(messages.map(({ destination }) => destination))].filter((destination) => !this.#known.has(destination))
    if (news.length === 0) return
    const { destinations } = this.#channels
    const [noted] = await Promise.allSettled([this.#links.at(destinations).once((client) => client.sadd(destinations, ...news))])
    if (noted.status === 'fulfilled') for (const destination of news) this.#known.add(destination)
  }

  #encode(messages: readonly WireMessage[]): readonly Outgoing[] {
    return messages.map((message, index) => {
      try {
        return { channel: this.#channels.of(message.destination, message.topic), payload: encodePayload(message) }
      } catch (thrown) {
        const cause = toError(thrown)
        throw new PublishError(`Nothing was published: message ${index} can't be sent. ${cause.message}`, {
          cause,
          failed: [index],
          outcome: 'failed',
        })
      }
    })
  }
}
