import type { BrokerContext } from './context.js'
import { type DecodedEntry, decodeBuffers } from './redis-message.js'

/** Reads an entry as bytes that is not plain text. `undefined` where it is gone. */
export async function readEntryAgain(
  context: BrokerContext,
  destination: string,
  stream: string,
  id: string,
): Promise<DecodedEntry | undefined> {
  const reply = (await context.control.at(stream).run((client) => client.callBuffer('XRANGE', stream, id, id))) as [Buffer, Buffer[]][]
  const entry = reply[0]
  return entry === undefined ? undefined : decodeBuffers(destination, entry[1])
}
