/**
 * One event on its way: CloudEvents context attributes and encoded data, before a broker's own mapping.
 * Adapters map it to their client's form (`ce_id`, `cloudEvents_id`, …) and back, and add nothing of their own.
 */
export interface WireMessage {
  /** The broker's object that carries it: a Kafka topic, a RabbitMQ exchange, a set of Redis streams. */
  readonly destination: string
  /** The event's dotted address, such as `orders.created`. */
  readonly topic: string
  /** What order is kept by; equal to the attribute `partitionkey`. */
  readonly key: string | undefined
  /**
   * Attributes under their plain lower-case names: `id`, `source`, `specversion`, `type`, `time`, `subject`, `datacontenttype`,
   * `partitionkey`, `topic` and the extensions of the wire format. Values are text.
   */
  readonly attributes: Readonly<Record<string, string>>
  /** Text, or bytes where the codec is a binary one. A memory broker with `codec: 'reference'` carries the event itself. */
  readonly data: WireData
  /** Milliseconds since 1970 before which no handler may see it. Only where `capabilities.delayedDelivery`. */
  readonly deliverAt?: number | undefined
  /** Set on an event that is for one group only, such as a redriven one; the delivery there has this `progress`. */
  readonly target?: MessageTarget | undefined
}

export type WireData = string | Uint8Array | ReferenceData

/** An event that never leaves the process, carried as it is. */
export interface ReferenceData {
  readonly reference: object
}

export interface MessageTarget {
  /** A group, or a broadcast source by its group's name. */
  readonly group: string
  readonly progress?: string | undefined
}
