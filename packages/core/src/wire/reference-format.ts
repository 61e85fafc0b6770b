import { ConfigurationError, DecodeError } from '../errors.js'
import { isBaseEvent } from '../event/domain-event.js'
import type { EventEnvelope, ReceivedEvent } from '../event/event-model.js'
import type { ReferenceData, WireMessage } from '../ports/message.js'
import { attributesOf } from './attributes.js'
import type { WireFormat } from './wire-format.js'

/** A message that carries its event; its attributes are made when somebody looks at them. */
class ReferenceMessage implements WireMessage, ReferenceData {
  readonly destination: string
  readonly topic: string
  readonly key: string | undefined
  readonly reference: EventEnvelope
  #attributes: Readonly<Record<string, string>> | undefined

  constructor(destination: string, envelope: EventEnvelope) {
    this.destination = destination
    this.topic = envelope.topic
    this.key = envelope.key
    this.reference = envelope
    this.#attributes = undefined
  }

  get data(): ReferenceData {
    return this
  }

  get attributes(): Readonly<Record<string, string>> {
    return (this.#attributes ??= attributesOf(this.reference))
  }
}

/**
 * For events that never leave the process: handlers of a class event get the event itself, frozen; those of any other get an event of
 * their own with the same metadata and data, which are frozen too (one level deep). A Date stays a Date here, and what is deeper than
 * one level is shared, unlike on any other broker.
 */
export class ReferenceFormat implements WireFormat {
  encode(envelope: EventEnvelope, destination: string): WireMessage {
    const { event, metadata } = envelope
    if (envelope.keyId !== undefined)
      throw new ConfigurationError(
        `Event "${envelope.type}" has encrypted fields, and codec: 'reference' carries events as they are. Leave codec out.`,
      )
    Object.freeze(metadata)
    if (isBaseEvent(event)) {
      Object.freeze(event)
      freezeData((event as { readonly data?: unknown }).data)
    } else freezeData(envelope.data)
    return new ReferenceMessage(destination, envelope)
  }

  decode(message: WireMessage): ReceivedEvent {
    const { data } = message
    if (typeof data === 'object' && 'reference' in data) return data.reference as EventEnvelope
    throw new DecodeError(
      `A message on topic "${message.topic}" carries no event by reference. Both sides of a broker need the same codec.`,
    )
  }
}

function freezeData(data: unknown): void {
  if (typeof data === 'object' && data !== null && !ArrayBuffer.isView(data)) Object.freeze(data)
}
