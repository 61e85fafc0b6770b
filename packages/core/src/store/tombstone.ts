import type { WireMessage } from '../ports/message.js'

/** Type of the event that stands in the order of all events where a stream was deleted. It is never forwarded to a broker. */
export const streamDeletedType = 'interline.stream.deleted'

/** Tells readers of all that a stream is gone, up to and including this version. */
export function tombstone(stream: string, version: number, recordedAt: number): WireMessage {
  return {
    destination: 'interline',
    topic: streamDeletedType,
    key: stream,
    attributes: {
      specversion: '1.0',
      id: `${stream}@${version}`,
      source: 'interline',
      type: streamDeletedType,
      time: new Date(recordedAt).toISOString(),
      subject: stream,
      topic: streamDeletedType,
      partitionkey: stream,
      datacontenttype: 'application/json',
    },
    data: JSON.stringify({ stream, version }),
  }
}
