import { DecodeError } from '../errors.js'
import type { WireData, WireMessage } from '../ports/message.js'
import { decodeUtf8 } from './json-codec.js'

const structuredType = /^\s*application\/cloudevents(?!-batch)/i
const batchType = /^\s*application\/cloudevents-batch/i
const jsonFormat = /^\s*application\/cloudevents\+json\s*(;|$)/i
const jsonData = /^[^;]*[/+]json\s*(;|$)/i
const attributeName = /^[a-z0-9]+$/

/** The content type of a CloudEvent that is one JSON document. */
export const structuredContentType = 'application/cloudevents+json'

export function isStructured(contentType: string | undefined): boolean {
  return contentType !== undefined && structuredType.test(contentType)
}

/**
 * Turns a message in structured mode into the same message in binary mode; any other is given back as it is. Throws DecodeError for a
 * batch, a format other than JSON, and a document that is no CloudEvent.
 */
export function readStructured(message: WireMessage): WireMessage {
  const contentType = message.attributes.datacontenttype
  if (contentType === undefined || !contentType.toLowerCase().includes('application/cloudevents')) return message
  if (batchType.test(contentType))
    throw new DecodeError('A batch of CloudEvents in one message is not read. Send each event as a message of its own.')
  if (!structuredType.test(contentType)) return message
  if (!jsonFormat.test(contentType))
    throw new DecodeError(`The CloudEvents format "${contentType}" is not read. Use ${structuredContentType} or binary mode.`)
  const document = parseDocument(message.data)
  const attributes = attributesOfDocument(document)
  const data = dataOfDocument(document, attributes)
  const { topic, partitionkey } = attributes
  return { ...message, topic: topic ?? message.topic, key: partitionkey ?? message.key, attributes, data }
}

/** The same message as one JSON document. Data of a JSON kind is put in as JSON, bytes as base64, anything else as text. */
export function writeStructured(message: WireMessage): WireMessage {
  const { datacontenttype, ...attributes } = message.attributes
  const { data } = message
  if (typeof data === 'object' && 'reference' in data)
    throw new DecodeError('An event that is carried by reference has no structured form.')
  const head = JSON.stringify(datacontenttype === undefined ? attributes : { ...attributes, datacontenttype }).slice(0, -1)
  return {
    ...message,
    attributes: { ...attributes, datacontenttype: structuredContentType },
    data: `${head}${dataMember(data, datacontenttype)}}`,
  }
}

function dataMember(data: string | Uint8Array, contentType: string | undefined): string {
  if (data.length === 0 && contentType === undefined) return ''
  const isJson = contentType === undefined || jsonData.test(contentType)
  if (isJson) return `,"data":${typeof data === 'string' ? data : decodeUtf8(data)}`
  if (typeof data === 'string') return `,"data":${JSON.stringify(data)}`
  return `,"data_base64":"${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')}"`
}

type Document = Readonly<Record<string, unknown>>

function parseDocument(data: WireData): Document {
  if (typeof data === 'object' && 'reference' in data) throw new DecodeError('A message in structured mode has no data to read.')
  let document: unknown
  try {
    document = JSON.parse(typeof data === 'string' ? data : decodeUtf8(data))
  } catch (cause) {
    throw new DecodeError('A message in structured mode is no JSON document.', { cause })
  }
  if (typeof document === 'object' && document !== null && !Array.isArray(document)) return document as Document
  throw new DecodeError('A message in structured mode must be one JSON object.')
}

/** A null attribute is an absent one; numbers and booleans become their text. */
function attributesOfDocument(document: Document): Record<string, string> {
  const attributes: Record<string, string> = {}
  for (const name of Object.keys(document)) {
    const value = document[name]
    if (name === 'data' || name === 'data_base64' || value === null) continue
    if (!attributeName.test(name))
      throw new DecodeError(`A CloudEvent has the attribute "${name}", which is no attribute name: lower-case letters and digits only.`)
    if (typeof value === 'string') attributes[name] = value
    else if (typeof value === 'boolean' || isInt32(value)) attributes[name] = String(value)
    else throw new DecodeError(`A CloudEvent's attribute "${name}" must be text, a whole number of 32 bits, or a boolean.`)
  }
  return attributes
}

function isInt32(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= -0x80000000 && value <= 0x7fffffff
}

/** Gives the data in the form it would have in binary mode, and sets `datacontenttype` where the document leaves JSON unsaid. */
function dataOfDocument(document: Document, attributes: Record<string, string>): string | Uint8Array {
  const { data, data_base64: base64 } = document
  const hasBytes = base64 !== undefined && base64 !== null
  if (hasBytes && data !== undefined) throw new DecodeError('A CloudEvent has both data and data_base64. Only one may be there.')
  if (hasBytes) {
    if (typeof base64 !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64))
      throw new DecodeError("A CloudEvent's data_base64 is no base64 text.")
    return new Uint8Array(Buffer.from(base64, 'base64'))
  }
  if (data === undefined) return ''
  const contentType = (attributes.datacontenttype ??= 'application/json')
  return typeof data === 'string' && !jsonData.test(contentType) ? data : JSON.stringify(data)
}
