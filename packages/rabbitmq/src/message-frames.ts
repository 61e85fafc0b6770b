import type { EncodedMessage } from './rabbitmq-message.js'

/** What a short string holds, in bytes. */
const longestShort = 255
/** The headers or the content of a message that is written here. What is larger is worth the client's way, which copies less. */
const mostBytes = 16_000
/** No frame made here is larger. */
export const largestFrame = 20_000
const frameEnd = '\xce'

export interface Addressed {
  readonly exchange: string
  readonly routingKey: string
  /** Whether a queue has to take it. */
  readonly wanted: boolean
  readonly encoded: EncodedMessage
}

/**
 * A message as the frames of AMQP 0-9-1 (method, header, body), each byte as one character, so that those of many messages are one text
 * which becomes bytes in one go. The client writes each field by a call of its own, which takes longer than all else that a publish costs.
 * `undefined` for what is left to the client: other properties or kinds of headers, a large message, one that can't be sent.
 */
export function framesOf(channel: number, { exchange, routingKey, wanted, encoded }: Addressed): string | undefined {
  const { content, headers, properties, plain } = encoded
  if (!plain || content.length > mostBytes) return undefined
  const { messageId, contentType } = properties
  const [to, key, id, type] = [shortText(exchange), shortText(routingKey), shortText(messageId), shortText(contentType)]
  const table = tableOf(headers)
  if (to === undefined || key === undefined || id === undefined || type === undefined || table === undefined) return undefined
  const body = bytesOf(content)
  if (body.length > mostBytes) return undefined
  const flags = (contentType === undefined ? 0 : 0x8000) | 0x3000 | (messageId === undefined ? 0 : 0x0080)
  const method = `\x00\x3c\x00\x28\x00\x00${to}${key}${wanted ? '\x01' : '\x00'}`
  const header = `\x00\x3c\x00\x00\x00\x00\x00\x00${long(body.length)}${short(flags)}${contentType === undefined ? '' : type}${table}\x02${messageId === undefined ? '' : id}`
  const number = short(channel)
  const frames = `\x01${number}${long(method.length)}${method}${frameEnd}\x02${number}${long(header.length)}${header}${frameEnd}`
  return body === '' ? frames : `${frames}\x03${number}${long(body.length)}${body}${frameEnd}`
}

function tableOf(headers: EncodedMessage['headers']): string | undefined {
  let table = ''
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value === undefined) continue
    if (typeof value !== 'string') return undefined
    const [key, bytes] = [shortText(name), bytesOf(value)]
    if (key === undefined) return undefined
    table += `${key}S${long(bytes.length)}${bytes}`
  }
  return table.length > mostBytes ? undefined : long(table.length) + table
}

function shortText(text = ''): string | undefined {
  const bytes = bytesOf(text)
  return bytes.length > longestShort ? undefined : String.fromCharCode(bytes.length) + bytes
}

/** UTF-8, a character for each byte. */
function bytesOf(content: string | Buffer): string {
  if (typeof content !== 'string') return content.toString('latin1')
  return Buffer.byteLength(content) === content.length ? content : Buffer.from(content).toString('latin1')
}

function short(value: number): string {
  return String.fromCharCode(value >>> 8, value & 0xff)
}

function long(value: number): string {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
}
