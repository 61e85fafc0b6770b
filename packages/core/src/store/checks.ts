import { ConfigurationError, EncodeError, InvalidEventError } from '../errors.js'
import type { AppendOptions, ExpectedVersion, ReadAllOptions, ReadStreamOptions } from '../ports/event-store.js'
import type { WireMessage } from '../ports/message.js'

const maxStreamBytes = 1_024
/** Control characters, and halves of a pair, which UTF-8 can't hold: two different names would become one. */
const unfit = /[\p{Cc}\p{Cs}]/u
/** What nearly all names are, looked for first as it is quicker. */
const simple = /^[ -~]{1,1024}$/
const utf8 = new TextEncoder()

/** Throws InvalidEventError for what can't name a stream in any store. Never shows a long name whole. */
export function checkStreamName(stream: unknown): asserts stream is string {
  if (typeof stream === 'string' && simple.test(stream)) return
  if (typeof stream !== 'string' || stream === '') {
    throw new InvalidEventError('A stream needs a name: text that is not empty, such as "order:42".')
  }
  const bytes = stream.length > maxStreamBytes ? stream.length : utf8.encode(stream).length
  if (bytes > maxStreamBytes) {
    throw new InvalidEventError(`The stream name "${stream.slice(0, 40)}…" is longer than ${maxStreamBytes} bytes. Name it shorter.`)
  }
  if (unfit.test(stream)) {
    throw new InvalidEventError(
      `The stream name ${JSON.stringify(stream.slice(0, 40))} has a control character or half a character in it. Use plain text.`,
    )
  }
}

/** What every store refuses before it writes anything. */
export function checkAppend(stream: string, messages: readonly WireMessage[], options: AppendOptions = {}): void {
  checkStreamName(stream)
  checkExpectedVersion(options.expectedVersion)
  for (const message of messages) checkMessage(stream, message)
  if (messages.length > 1) checkDistinct(stream, messages)
}

function checkMessage(stream: string, { attributes, target }: WireMessage): void {
  const { id, type, source } = attributes
  if (id === undefined || id === '' || type === undefined || type === '' || source === undefined) {
    throw new InvalidEventError(`An event for stream "${stream}" has no id, type or source. Encode it as a CloudEvent before appending it.`)
  }
  if (target !== undefined) {
    throw new InvalidEventError(`Event "${id}" is for the group "${target.group}" alone, and a store's events are for all. Publish it.`)
  }
  for (const name in attributes) {
    if (typeof attributes[name] === 'string') continue
    throw new EncodeError(`Attribute "${name}" of event "${id}" must be text, and is of type ${typeof attributes[name]}.`)
  }
}

function checkDistinct(stream: string, messages: readonly WireMessage[]): void {
  const ids = new Set<string | undefined>()
  for (const { attributes } of messages) {
    if (ids.has(attributes.id)) {
      throw new InvalidEventError(`Event "${attributes.id}" is twice among the events for stream "${stream}". Append it once.`)
    }
    ids.add(attributes.id)
  }
}

export function checkExpectedVersion(expected: ExpectedVersion | undefined): void {
  if (expected === undefined || expected === 'any' || expected === 'no-stream' || expected === 'stream-exists') return
  if (Number.isSafeInteger(expected) && (expected as number) >= 0) return
  throw new ConfigurationError(
    `expectedVersion is ${shown(expected)}; give the version that was loaded (0 for a new stream), 'no-stream', 'stream-exists' or 'any'.`,
  )
}

export function checkReadStream(stream: string, options: ReadStreamOptions = {}): void {
  checkStreamName(stream)
  checkCount('from', options.from)
  checkCount('to', options.to)
  checkCount('limit', options.limit)
}

export function checkReadAll(options: ReadAllOptions = {}): void {
  checkCount('limit', options.limit)
  for (const name of ['since', 'until'] as const) {
    const value: unknown = options[name]
    if (value === undefined || (value instanceof Date && !Number.isNaN(value.getTime()))) continue
    throw new ConfigurationError(`${name} is ${shown(value)}; give a valid Date.`)
  }
  const types: unknown = options.types
  if (types !== undefined && !(Array.isArray(types) && types.every((type) => typeof type === 'string'))) {
    throw new ConfigurationError(`types is ${shown(types)}; give a list of event types.`)
  }
  for (const name of ['after', 'correlationId', 'aggregateType', 'tenantId'] as const) {
    const value: unknown = options[name]
    if (value !== undefined && typeof value !== 'string') throw new ConfigurationError(`${name} is ${shown(value)}; give text.`)
  }
}

function checkCount(name: string, value: unknown): void {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0)) return
  throw new ConfigurationError(`${name} is ${shown(value)}; give a whole number from 0.`)
}

function shown(value: unknown): string {
  if (typeof value === 'number' || value === null) return String(value)
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40))
  return Array.isArray(value) ? 'an array' : `of type ${typeof value}`
}
