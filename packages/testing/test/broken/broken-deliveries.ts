import type { Abortable, Awaitable, Consumer, Delivery, IBroker, Receive, Retry, Source } from '@interline/core'
import { ForwardingBroker } from '../../src/forwarding-broker.js'

type Fault = (delivery: Delivery) => Partial<Delivery>

/** A broker whose deliveries differ in something from the ones they stand for. */
class FaultyDeliveries extends ForwardingBroker {
  readonly #fault: Fault

  constructor(inner: IBroker, fault: Fault) {
    super(inner)
    this.#fault = fault
  }

  override subscribe(source: Source, receive: Receive, options?: Abortable): Awaitable<Consumer> {
    return this.inner.subscribe(source, (deliveries) => receive(deliveries.map((delivery) => this.#faulty(delivery))), options)
  }

  #faulty(delivery: Delivery): Delivery {
    return {
      message: delivery.message,
      ref: delivery.ref,
      progress: delivery.progress,
      redelivered: delivery.redelivered,
      lost: delivery.lost,
      undecodable: delivery.undecodable,
      ack: () => delivery.ack(),
      note: (progress: string) => delivery.note(progress),
      retry: (retry: Retry) => delivery.retry(retry),
      deadLetter: (letters) => delivery.deadLetter(letters),
      ...this.#fault(delivery),
    }
  }
}

const faults = {
  /** Counts a message as handled when it is handed out. */
  acksEarly: (delivery) => {
    void delivery.ack()
    const settled = (): boolean => true
    return { ack: settled, note: settled, retry: settled, deadLetter: settled }
  },
  /** Forgets how often a message was tried. */
  forgetsAttempts: (delivery) => ({
    note: () => true,
    retry: ({ afterMs, deadLetters }) => delivery.retry({ afterMs, deadLetters, progress: delivery.progress ?? noProgress }),
  }),
  /** Acks what failed, as if there were no retry. */
  neverRetries: (delivery) => ({ retry: () => delivery.ack() }),
  /** Throws dead letters away. */
  losesDeadLetters: (delivery) => ({ deadLetter: () => delivery.ack() }),
  /** Says that it settled, and did not. */
  neverAcks: () => ({ ack: () => true }),
} as const satisfies Record<string, Fault>

/** As a message that was never tried. */
const noProgress = JSON.stringify({ first: 0, handlers: { '*': [0, 0] } })

export type DeliveryFault = keyof typeof faults

export function delivers(fault: DeliveryFault): (broker: IBroker) => IBroker {
  return (broker) => new FaultyDeliveries(broker, faults[fault])
}

/** Forgets on close what was in hand, instead of giving it to another consumer. */
export class LosesOnClose extends ForwardingBroker {
  override async subscribe(source: Source, receive: Receive, options?: Abortable): Promise<Consumer> {
    const inHand = new Set<Delivery>()
    const watched: Receive = (deliveries) => {
      for (const delivery of deliveries) inHand.add(delivery)
      return receive(deliveries)
    }
    const consumer = await this.inner.subscribe(source, watched, options)
    return {
      pause: () => consumer.pause(),
      resume: () => consumer.resume(),
      stop: () => consumer.stop(),
      close: async () => {
        for (const delivery of inHand) await delivery.ack()
        await consumer.close()
      },
    }
  }
}
