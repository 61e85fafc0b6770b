import {
  type AnyTarget,
  type Awaitable,
  CloudEventsFormat,
  matchesTopic,
  modelOfReceivedType,
  toError,
  type WireMessage,
} from '@interline/core'
import { ForwardingBroker } from '../forwarding-broker.js'

/** An event that was accepted by the broker, as a handler would get it. */
export interface PublishedEvent {
  readonly type: string
  readonly topic: string
  readonly id: string
  readonly message: WireMessage
  /** `undefined` where its own definition refuses it; `error` then says why. */
  readonly event: object | undefined
  readonly error: Error | undefined
}

type Entry = { -readonly [Field in keyof PublishedEvent]: PublishedEvent[Field] }

/** A broker that remembers what was published, in the order in which it was, before anybody handles it. */
export class RecordingBroker extends ForwardingBroker {
  readonly published: PublishedEvent[] = []
  readonly #format = new CloudEventsFormat()

  override publish(messages: readonly WireMessage[], options?: { readonly signal?: AbortSignal | undefined }): Awaitable<void> {
    // What goes back to a handler after it was a dead letter is not published anew.
    for (const message of messages) if (message.target === undefined) this.#record(message)
    return this.inner.publish(messages, options)
  }

  #record(message: WireMessage): void {
    const { type = '', id = '' } = message.attributes
    const entry: Entry = { type, id, topic: message.topic, message, event: undefined, error: undefined }
    this.published.push(entry)
    void this.#receive(entry)
  }

  /** Never rejects: what its own definition refuses stays in the list, with the reason. */
  async #receive(entry: Entry): Promise<void> {
    try {
      const received = this.#format.decode(entry.message)
      entry.event = await modelOfReceivedType(received.type).receive(received)
    } catch (thrown) {
      entry.error = toError(thrown)
    }
  }
}

/** Whether a published event is one of what a target stands for. */
export function isOf(target: AnyTarget, { type, topic, event }: PublishedEvent): boolean {
  if (typeof target === 'string') return type === target || matchesTopic(target, topic)
  if ('pattern' in target && typeof target.pattern === 'string') return matchesTopic(target.pattern, topic)
  if ('type' in target && typeof target.type === 'string') return type === target.type
  return typeof target === 'function' && event instanceof target
}

export function nameOf(target: AnyTarget): string {
  if (typeof target === 'string') return target
  if ('pattern' in target && typeof target.pattern === 'string') return target.pattern
  if ('type' in target && typeof target.type === 'string') return target.type
  return typeof target === 'function' ? target.name : String(target)
}

/** For a person who looks for what is missing. */
export function describePublished(published: readonly PublishedEvent[]): string {
  if (published.length === 0) return 'Nothing was published.'
  const lines = published.map(({ type, topic, message, error }, index) => {
    const data = typeof message.data === 'string' ? message.data : '(bytes)'
    const short = data.length > 200 ? `${data.slice(0, 200)}…` : data
    return `  ${index + 1}. ${type} on ${topic} ${short}${error === undefined ? '' : ` – refused by its definition: ${error.message}`}`
  })
  return `Published:\n${lines.join('\n')}`
}
