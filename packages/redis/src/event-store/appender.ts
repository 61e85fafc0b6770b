import { randomUUID } from 'node:crypto'
import {
  type AppendOptions,
  type AppendResult,
  ConnectionError,
  EventTooLargeError,
  InvalidEventError,
  streamDeletedType,
  type WireMessage,
  WrongExpectedVersionError,
} from '@interline/core'
import type { Redis } from 'ioredis'
import type { ScriptArgument } from '../scripts/script.js'
import { kindOf } from './log-entry.js'
import { appendScript } from './scripts/append.js'
import { deleteStreamScript } from './scripts/delete-stream.js'
import { entryOf } from './store-entry.js'
import { correlationIndexed, eventField } from './store-keys.js'
import type { StoreLink } from './store-link.js'

/** One script call holds the server up for this long at most: some 50 ms. Lua could not take many more either. */
const maxEvents = 2_500

type Answer = readonly [kind: string, first?: string | number, second?: string]

/** What changes streams. Every call is one script, which may run again: the same events, or the same deletion, are done once. */
export class Appender {
  readonly #link: StoreLink

  constructor(link: StoreLink) {
    this.#link = link
  }

  async append(stream: string, messages: readonly WireMessage[], options: AppendOptions): Promise<AppendResult> {
    if (messages.length > maxEvents) {
      throw new EventTooLargeError(
        `${messages.length} events for stream "${stream}" at once; ${maxEvents} are possible. Append them in parts.`,
      )
    }
    const { expectedVersion = 'any', forward = true, signal } = options
    const { keys } = this.#link
    const indexes = new Map<string, number>()
    const values: ScriptArgument[] = [String(messages.length), String(expectedVersion), stream, '']
    for (const { attributes } of messages) values.push(eventField(attributes.id as string))
    for (const message of messages) {
      const { attributes } = message
      const index = correlationIndexed(attributes) ? numberOf(keys.correlation(attributes.correlationid as string), indexes) : 0
      const { event, data } = entryOf(message, forward)
      values.push(String(index), kindOf(message), event, data)
    }
    const names = [keys.state, keys.log, keys.events(stream), ...indexes.keys()]
    const [kind, first, second] = await this.#run(`append to stream "${stream}"`, signal, (client, scope) => {
      values[3] = scope
      return appendScript.run(client, names, values)
    })
    if (kind === 'conflict') throw new WrongExpectedVersionError(stream, expectedVersion, Number(first))
    if (kind === 'known') {
      const id = messages[Number(first)]?.attributes.id
      throw new InvalidEventError(
        second === stream
          ? `Event "${id}" is in stream "${stream}" already, in other company. Append only what is new.`
          : `Event "${id}" is in stream "${second}" already, and a store keeps an event once. Give the event for "${stream}" an id of its own.`,
      )
    }
    if (kind === 'damaged') {
      throw new ConnectionError(
        `Redis has events of stream "${stream}" that its state knows nothing of; it probably evicted keys. Set maxmemory-policy to noeviction, and restore the stream from a backup.`,
      )
    }
    return { version: Number(first), position: String(second) }
  }

  /** Answers whether there was a stream. Its events wait under another name until their traces are removed. */
  async delete(stream: string, { expectedVersion = 'any', signal }: AppendOptions): Promise<boolean> {
    const { keys } = this.#link
    const deletion = randomUUID()
    const names = [keys.state, keys.log, keys.events(stream), keys.deletions, keys.deleted(deletion)]
    const [kind, first] = await this.#run(`delete stream "${stream}"`, signal, (client, scope) =>
      deleteStreamScript.run(client, names, [String(expectedVersion), stream, scope, deletion, streamDeletedType]),
    )
    if (kind === 'conflict') throw new WrongExpectedVersionError(stream, expectedVersion, Number(first))
    return kind === 'deleted'
  }

  /** Once more where the server turns out to hold another store than it did. */
  async #run(what: string, signal: AbortSignal | undefined, work: (client: Redis, scope: string) => Promise<unknown>): Promise<Answer> {
    const call = (): Promise<Answer> => this.#link.write(what, (client) => work(client, this.#link.scope) as Promise<Answer>, signal)
    const answer = await call()
    if (answer[0] !== 'scope') return answer
    await this.#link.lost()
    const second = await call()
    if (second[0] !== 'scope') return second
    throw new ConnectionError(`Redis loses the event store's data again and again, and did not ${what}. Look after the server.`)
  }
}

/** From 1, in the order in which they come. */
function numberOf(name: string, known: Map<string, number>): number {
  const number = known.get(name) ?? known.size + 1
  known.set(name, number)
  return number
}
