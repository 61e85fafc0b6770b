import { PublishError } from '@interline/core'
import type { EncodedMessage } from './rabbitmq-message.js'
import type { Need } from './topology.js'

/** Something to be published, to be told when the server has it. */
export interface Parcel {
  readonly exchange: string
  readonly routingKey: string
  readonly encoded: EncodedMessage
  /** What has to be on the server before. */
  readonly need: Need | undefined
  /** Whether a queue has to take it. */
  readonly wanted: boolean
  /** Keeps its order with all others of this name. */
  readonly lane?: string | undefined
  /** From when on it must not be sent, nor sent again. */
  readonly lost?: AbortSignal | undefined
  readonly settle: (error?: PublishError) => void
}

export interface Sending extends Parcel {
  /** Its name on the server, over all its sendings. */
  readonly entry: string
  /** Among all that were asked for. */
  readonly place: number
  readonly until: number
  /** It may have reached the server. */
  sent: boolean
  returned: string | undefined
}

export function giveUp({ sent, settle }: Sending, why: string): void {
  const text = sent
    ? `RabbitMQ may have stored the message, but ${why}. Publish the same event again.`
    : `RabbitMQ has not stored the message: ${why}.`
  settle(new PublishError(text, { outcome: sent ? 'unknown' : 'failed' }))
}

/** The server has it, or gave it back as no queue takes it. */
export function settleStored({ returned, exchange, settle }: Sending): void {
  const text = `RabbitMQ has no queue for the message (exchange "${exchange}": ${returned}). The group or queue is not there.`
  settle(returned === undefined ? undefined : new PublishError(text, { outcome: 'failed' }))
}
