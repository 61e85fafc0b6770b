import { type ComponentHealth, type ILogger, type OutboxOutlet, PublishError, systemClock, type WireMessage } from '@interline/core'
import { numberOf } from '../stores/store-messages.js'

/** One arrival at the broker. */
export interface Arrival {
  readonly id: string
  readonly n: number
  readonly key: string
  readonly destination: string
  readonly atMs: number
}

export function arrivalOf(message: WireMessage): Arrival {
  const { id = '' } = message.attributes
  return { id, n: numberOf(message), key: message.key ?? '', destination: message.destination, atMs: performance.now() }
}

/** What several relays share: which events one of them has in hand, and all that has arrived. */
export class Arrivals {
  readonly all: Arrival[] = []
  /** Events that two relays had at a time. */
  readonly shared: string[] = []
  readonly #inHand = new Set<string>()

  begin(messages: readonly WireMessage[]): void {
    for (const { attributes } of messages) {
      const { id = '' } = attributes
      if (this.#inHand.has(id)) this.shared.push(id)
      this.#inHand.add(id)
    }
  }

  end(messages: readonly WireMessage[], arrived: boolean): void {
    for (const message of messages) {
      this.#inHand.delete(message.attributes.id ?? '')
      if (arrived) this.all.push(arrivalOf(message))
    }
  }
}

export interface OutletRules {
  /** Answers why a message is not taken. */
  readonly refuses?: ((message: WireMessage) => string | undefined) | undefined
  /** Whether the broker as a whole is down. */
  readonly down?: (() => boolean) | undefined
  /** How long a publish takes. */
  readonly publishMs?: number | undefined
}

const silent: ILogger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

/** A broker as an outbox sees it. */
export function recordingOutlet(arrivals: Arrivals, { refuses, down, publishMs = 0 }: OutletRules = {}): OutboxOutlet {
  return {
    clock: systemClock,
    logger: silent,
    check: () => undefined,
    async publish(messages) {
      arrivals.begin(messages)
      await new Promise((resolve) => (publishMs === 0 ? setImmediate(resolve) : setTimeout(resolve, publishMs)))
      const wrong =
        down?.() === true ? 'the broker is down' : messages.map((message) => refuses?.(message)).find((why) => why !== undefined)
      arrivals.end(messages, wrong === undefined)
      if (wrong !== undefined) throw new PublishError(wrong)
    },
    async health(): Promise<ComponentHealth> {
      return { status: down?.() === true ? 'fail' : 'pass' }
    },
  }
}

/** For each key the numbers in the order in which they arrived first. */
export function firstArrivals(arrivals: readonly Arrival[]): ReadonlyMap<string, readonly number[]> {
  const seen = new Set<string>()
  const keys = new Map<string, number[]>()
  for (const { id, key, n, destination } of arrivals) {
    if (seen.has(id)) continue
    seen.add(id)
    const name = `${destination}\n${key}`
    const list = keys.get(name)
    if (list === undefined) keys.set(name, [n])
    else list.push(n)
  }
  return keys
}
