import { DecodeError, type Delivery, readAttributes, type WireMessage, writeAttributes } from '@interline/core'
import { headers, Match, type Msg, type MsgHdrs } from '@nats-io/transport-node'

/** Headers of our own beside those of CloudEvents. */
const groupHeader = 'Interline-Group'
const progressHeader = 'Interline-Progress'
const deliverAtHeader = 'Interline-Deliver-At'
const typeHeader = 'Content-Type'

/** Data of other types stays bytes. Where nothing is said, it is JSON. */
const textual = /^(text\/|application\/cloudevents|[^;]*[/+]json\s*(;|$))/i

/** A name as one level of a subject, which is also fit for streams and consumers. */
export function tokenOf(name: string): string {
  return encodeURIComponent(name)
    .replaceAll(/[.*]/g, (sign) => (sign === '.' ? '%2E' : '%2A'))
    .replaceAll('%', '=') // the server formats subjects with "%" wrongly
}

/** What somebody else named in another way is taken as it is. */
export function nameOf(token: string): string {
  try {
    return decodeURIComponent(token.replaceAll('=', '%'))
  } catch (error) {
    if (error instanceof URIError) return token
    throw error
  }
}

/** Where an event is published: the destination, then the levels of its topic. */
export function subjectOf(prefix: string, { destination, topic }: WireMessage): string {
  return [prefix, tokenOf(destination), ...topic.split('.').map(tokenOf)].join('.')
}

/** The binary mode of CloudEvents' NATS binding. */
export function headersOf({ attributes, target, deliverAt }: WireMessage): MsgHdrs {
  const result = headers()
  const named = writeAttributes(attributes, 'ce-')
  for (const name of Object.keys(named)) result.set(name, escaped(named[name] as string))
  const { datacontenttype } = attributes
  if (datacontenttype !== undefined) result.set('ce-datacontenttype', escaped(datacontenttype))
  if (target !== undefined) result.set(groupHeader, escaped(target.group))
  if (target?.progress !== undefined) result.set(progressHeader, escaped(target.progress))
  if (deliverAt !== undefined) result.set(deliverAtHeader, String(deliverAt))
  return result
}

export function bytesOf({ data }: WireMessage): Uint8Array | string {
  if (typeof data === 'string' || data instanceof Uint8Array) return data
  throw new TypeError('An event that is carried by reference can not leave the process.')
}

/** Also of what a stranger has written: in binary or structured mode, or no CloudEvent at all, which core finds out. */
export function messageOf({ subject, data, headers: found }: Msg, destination: string): Pick<Delivery, 'message' | 'undecodable'> {
  const topic = subject.split('.').slice(2).map(nameOf).join('.')
  try {
    const attributes = readAttributes(Object.fromEntries((found?.keys() ?? []).map((name) => [name, found?.get(name) ?? ''])), unescaped)
    const contentType = found?.get(typeHeader, Match.IgnoreCase) ?? ''
    if (contentType.toLowerCase().startsWith('application/cloudevents')) attributes.datacontenttype = contentType
    else if (contentType !== '') attributes.datacontenttype ??= contentType
    const target = groupOf(found)
    const deliverAt = Number(found?.get(deliverAtHeader) || 0)
    const message: WireMessage = {
      destination,
      topic: attributes.topic ?? topic,
      key: attributes.partitionkey,
      attributes,
      data: textual.test(attributes.datacontenttype ?? 'text/') ? textOf(data) : plain(data),
      ...(target === undefined ? {} : { target }),
      ...(deliverAt > 0 ? { deliverAt } : {}),
    }
    return { message, undecodable: undefined }
  } catch (cause) {
    const undecodable = new DecodeError('A header of the message is not percent-encoded as CloudEvents asks.', { cause })
    return { message: { destination, topic, key: undefined, attributes: {}, data: plain(data) }, undecodable }
  }
}

/** What the server says of a message that it hands out, in the subject that the answer goes to. */
export function handOut(reply: string): { readonly sequence: number; readonly count: number } {
  const tokens = reply.split('.')
  // newer servers name a domain and an account before the stream
  const first = tokens.length > 9 ? 6 : 4
  return { count: Number(tokens[first]), sequence: Number(tokens[first + 1]) }
}

function groupOf(found: MsgHdrs | undefined): WireMessage['target'] {
  const group = found?.get(groupHeader) ?? ''
  if (group === '') return undefined
  const progress = found?.get(progressHeader) ?? ''
  return { group: unescaped(group), progress: progress === '' ? undefined : unescaped(progress) }
}

function escaped(value: string): string {
  return value.replaceAll(/[^!#$&-~]/gu, encodeURIComponent)
}

function unescaped(value: string): string {
  const plain = value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value
  return plain.includes('%') ? decodeURIComponent(plain) : plain
}

const strictText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(data: Uint8Array): string | Uint8Array {
  try {
    return strictText.decode(data)
  } catch (error) {
    if (error instanceof TypeError) return plain(data)
    throw error
  }
}

/** Bytes without the methods that the client's own have. */
function plain({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
