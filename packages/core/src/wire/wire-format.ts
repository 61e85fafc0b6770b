import type { EventEnvelope, ReceivedEvent } from '../event/event-model.js'
import type { WireMessage } from '../ports/message.js'

/** Between an event with everything decided and the message that carries it. */
export interface WireFormat {
  /** Throws EncodeError for data that the codec cannot carry. */
  encode(envelope: EventEnvelope, destination: string): WireMessage
  /** Throws DecodeError for a message that is not an event. */
  decode(message: WireMessage): ReceivedEvent
}
