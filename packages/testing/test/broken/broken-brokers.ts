import {
  type Abortable,
  type Awaitable,
  type BrokerCapabilities,
  type BrokerMetrics,
  type Consumer,
  type IBroker,
  type IDeadLetterStore,
  type IIdempotencyStore,
  ProcessIdempotencyStore,
  type Receive,
  type Source,
  type WireMessage,
} from '@interline/core'
import { MemoryDeadLetterStore } from '@interline/memory'
import { ForwardingBroker } from '../../src/forwarding-broker.js'

/** Memory with the face of a remote broker: buses collect what they publish, and what survives a bus counts as durable. */
export class RemoteFace extends ForwardingBroker {
  override get capabilities(): BrokerCapabilities {
    return { ...this.inner.capabilities, local: false, durable: true }
  }
}

/** Stores every message but each 37th, and says that it stored them all. */
export class Drops extends ForwardingBroker {
  #count = 0

  override publish(messages: readonly WireMessage[], options?: Abortable): Awaitable<void> {
    return this.inner.publish(
      messages.filter(() => ++this.#count % 37 !== 0),
      options,
    )
  }
}

/** Stores each 10th message twice. */
export class Duplicates extends ForwardingBroker {
  #count = 0

  override publish(messages: readonly WireMessage[], options?: Abortable): Awaitable<void> {
    return this.inner.publish(
      messages.flatMap((message) => (++this.#count % 10 === 0 ? [message, message] : [message])),
      options,
    )
  }
}

/** Stores a batch backwards. */
export class Reorders extends ForwardingBroker {
  override publish(messages: readonly WireMessage[], options?: Abortable): Awaitable<void> {
    return this.inner.publish([...messages].reverse(), options)
  }
}

/** Its place for parked keys is another one each time. */
export class ForgetsParked extends ForwardingBroker {
  override parking(): IDeadLetterStore {
    return new MemoryDeadLetterStore()
  }
}

/** Lists what is parked the newest first, to whoever loads it. */
export class ParksInAnyOrder extends ForwardingBroker {
  override parking(group: string, destination: string): IDeadLetterStore | undefined {
    const place = this.inner.parking?.(group, destination)
    if (place === undefined) return undefined
    return {
      add: (letters) => place.add(letters),
      list: async (filter, page) => {
        const { letters, next } = await place.list(filter, page)
        return { letters: [...letters].reverse(), next }
      },
      count: (filter) => place.count(filter),
      remove: (ids) => place.remove(ids),
    }
  }
}

/** Loses one attribute on the way. */
export class Mutates extends ForwardingBroker {
  override publish(messages: readonly WireMessage[], options?: Abortable): Awaitable<void> {
    return this.inner.publish(
      messages.map((message) => {
        const { correlationid: _lost, ...attributes } = message.attributes
        return { ...message, attributes }
      }),
      options,
    )
  }
}

/** Says that it stored messages before it did, and forgets them when it is closed meanwhile. */
export class AcceptsEarly extends ForwardingBroker {
  #closed = false

  override publish(messages: readonly WireMessage[]): Awaitable<void> {
    setTimeout(() => {
      if (!this.#closed) void this.inner.publish(messages)
    }, 20)
  }

  override close(): Awaitable<void> {
    this.#closed = true
    return this.inner.close()
  }
}

/** Delivers scheduled messages at once. */
export class IgnoresSchedule extends ForwardingBroker {
  override publish(messages: readonly WireMessage[], options?: Abortable): Awaitable<void> {
    return this.inner.publish(
      messages.map((message) => ({ ...message, deliverAt: undefined })),
      options,
    )
  }
}

/** Gives redriven messages to every group. */
export class IgnoresTarget extends ForwardingBroker {
  override publish(messages: readonly WireMessage[], options?: Abortable): Awaitable<void> {
    return this.inner.publish(
      messages.map((message) => ({ ...message, target: undefined })),
      options,
    )
  }
}

/** Hands out as much as there is, whether core has room or not. */
export class IgnoresWindow extends ForwardingBroker {
  override subscribe(source: Source, receive: Receive, options?: Abortable): Awaitable<Consumer> {
    const handAndGoOn: Receive = (deliveries) => {
      void receive(deliveries)
    }
    return this.inner.subscribe({ ...source, window: 1_000_000 }, handAndGoOn, options)
  }
}

/** Puts all groups into one. */
export class MixesGroups extends ForwardingBroker {
  override subscribe(source: Source, receive: Receive, options?: Abortable): Awaitable<Consumer> {
    return this.inner.subscribe({ ...source, group: 'all' }, receive, options)
  }
}

/** Begins at the end, whatever was asked for. */
export class ForgetsHistory extends ForwardingBroker {
  override subscribe(source: Source, receive: Receive, options?: Abortable): Awaitable<Consumer> {
    return this.inner.subscribe({ ...source, from: 'now' }, receive, options)
  }
}

/** Lets processes compete for what each of them should get. */
export class BroadcastsToOne extends ForwardingBroker {
  override subscribe(source: Source, receive: Receive, options?: Abortable): Awaitable<Consumer> {
    if (!source.broadcast) return this.inner.subscribe(source, receive, options)
    return this.inner.subscribe({ ...source, broadcast: false, group: 'broadcast' }, receive, options)
  }
}

/** Gives deliveries of one key to any consumer, in any order. */
export class IgnoresOrder extends ForwardingBroker {
  override subscribe(source: Source, receive: Receive, options?: Abortable): Awaitable<Consumer> {
    return this.inner.subscribe({ ...source, order: 'none' }, receive, options)
  }
}

/** Knows only the destinations that it knew at first. */
export class ListsOnce extends ForwardingBroker {
  #first: Awaitable<readonly string[]> | undefined

  override listDestinations(options?: Abortable): Awaitable<readonly string[]> {
    this.#first ??= super.listDestinations(options)
    return this.#first
  }
}

/** Always says that nothing waits. */
export class HidesLag extends ForwardingBroker {
  override async getMetrics(options?: Abortable): Promise<BrokerMetrics> {
    return { ...(await this.inner.getMetrics(options)), lag: 0 }
  }
}

/** Remembers an event as handled when a handler fails on it, so that it is lost when it comes again. */
export function marksBeforeSuccess(): IIdempotencyStore {
  const store = new ProcessIdempotencyStore()
  return {
    claim: (claims, options) => store.claim(claims, options),
    renew: (claims, options) => store.renew(claims, options),
    complete: (claims, options) => store.complete(claims, options),
    release: (claims) => store.complete(claims, { ttlMs: 60_000 }),
    size: () => store.size(),
  }
}

/** A broken broker, and the cases that must find it. */
export interface BrokenBroker {
  readonly name: string
  break(broker: IBroker): IBroker
  /** Where handled events are remembered, instead of the default. */
  readonly idempotency?: IIdempotencyStore | undefined
  /** The cases to run, where all of them would take too long. */
  readonly among?: readonly string[] | undefined
  /** Every one of these fails on it, and no other. */
  readonly caughtBy: readonly string[]
  /** These fail on it or not, as chance has it. */
  readonly sometimesBy?: readonly string[] | undefined
}
