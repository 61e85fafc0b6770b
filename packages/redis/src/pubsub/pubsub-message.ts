import { EncodeError, readStructured, structuredContentType, toError, type WireMessage, writeStructured } from '@interline/core'

/** What a published text held. */
export interface DecodedPayload {
  readonly message: WireMessage
  readonly undecodable: Error | undefined
}

/** An event as one text: CloudEvents structured JSON, which any subscriber can read. Throws EncodeError for what can't be text. */
export function encodePayload(message: WireMessage): string {
  const { data } = message
  if (typeof data === 'object' && 'reference' in data) {
    throw new EncodeError('Redis carries text and bytes only, not objects by reference. Use a codec that encodes.')
  }
  const { key, topic } = message
  const addressed = { topic, ...(key === undefined ? {} : { partitionkey: key }), ...message.attributes }
  return writeStructured({ ...message, attributes: addressed }).data as string
}

/** Never throws: what is no CloudEvent keeps its raw bytes. */
export function decodePayload(destination: string, topic: string, payload: Uint8Array): DecodedPayload {
  const attributes = { datacontenttype: structuredContentType }
  const raw = { destination, topic, key: undefined, attributes, data: payload }
  try {
    return { message: readStructured(raw), undecodable: undefined }
  } catch (error) {
    return { message: { ...raw, attributes: {} }, undecodable: toError(error) }
  }
}
