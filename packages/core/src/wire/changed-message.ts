import type { WireMessage } from '../ports/message.js'

type Changes = { readonly [Field in keyof WireMessage]?: WireMessage[Field] | undefined }

/** The same message but for what is given; also of a message whose fields are made when they are asked for. */
export function changed(message: WireMessage, changes: Changes): WireMessage {
  const { destination, topic, key, data } = message
  const attributes = changes.attributes ?? message.attributes
  return {
    destination,
    topic,
    key,
    deliverAt: changes.deliverAt ?? message.deliverAt,
    target: changes.target ?? message.target,
    data: changes.data ?? data,
    attributes,
  }
}
