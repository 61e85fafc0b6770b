import { ClosedError, EventTooLargeError, isInterlineError, PublishError, toError, type WireMessage } from '@interline/core'
import { DriverError, isDriverError, type KafkaClient, type OutgoingRecord } from './drivers/driver.js'
import { encodeRecord } from './kafka-message.js'
import type { Names } from './names.js'
import type { Topics } from './topics.js'
import { pause } from './waiting.js'

interface Call {
  readonly records: readonly OutgoingRecord[]
  readonly until: number
  readonly signal: AbortSignal | undefined
  settle(error?: Error): void
  sent: boolean
  settled: boolean
}

/** So many records, or so many bytes, go out in one request. */
const maxBatch = 1_000
const maxBatchBytes = 900_000

/**
 * Sends one batch at a time and collects meanwhile what comes next, so that order holds over concurrent calls and over repeated tries:
 * a batch that failed holds back the later ones until it is stored or given up. What is sent again has the same event ids.
 */
export class Publisher {
  readonly #client: KafkaClient
  readonly #topics: Topics
  readonly #names: Names
  readonly #timeoutMs: number
  #queue: Call[] = []
  #sending: Promise<void> | undefined
  published = 0

  constructor(client: KafkaClient, topics: Topics, names: Names, publishTimeoutMs: number) {
    this.#client = client
    this.#topics = topics
    this.#names = names
    this.#timeoutMs = publishTimeoutMs
  }

  async publish(messages: readonly WireMessage[], signal: AbortSignal | undefined): Promise<void> {
    const records = this.#encode(messages)
    if (messages.some((message) => !this.#isKnown(message))) await this.#prepare(messages)
    await this.#enqueue(records, performance.now() + this.#timeoutMs, signal)
    this.published += messages.length
  }

  /** Stores records of our own. Tries until it is done, or the signal is aborted: then false. */
  async store(records: readonly OutgoingRecord[], signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      try {
        await this.#enqueue(records, performance.now() + this.#timeoutMs, signal)
        return true
      } catch (error) {
        if (error instanceof ClosedError) return false
        await pause(250, signal)
      }
    }
    return false
  }

  /** Resolves when everything accepted so far was stored or rejected. */
  async flush(): Promise<void> {
    while (this.#sending !== undefined) await this.#sending
  }

  #topicOf({ destination, target }: WireMessage): string {
    return target === undefined ? this.#names.topic(destination) : this.#names.retryTopic(target.group, destination)
  }

  #isKnown(message: WireMessage): boolean {
    return this.#topics.knows(this.#topicOf(message))
  }

  #encode(messages: readonly WireMessage[]): readonly OutgoingRecord[] {
    const failed: number[] = []
    let cause: Error | undefined
    const records = messages.map((message, index) => {
      try {
        return encodeRecord(this.#topicOf(message), message)
      } catch (error) {
        failed.push(index)
        cause ??= toError(error)
        return undefined
      }
    })
    if (cause === undefined) return records as readonly OutgoingRecord[]
    throw new PublishError(`Nothing was published: message ${failed[0]} can't be stored. ${cause.message}`, { cause, failed })
  }

  /** Makes new destinations known. A call to one that can't be used is rejected; the others go on. */
  async #prepare(messages: readonly WireMessage[]): Promise<void> {
    const until = performance.now() + this.#timeoutMs
    for (const message of messages) {
      for (let failures = 0; !this.#isKnown(message); failures++) {
        try {
          const { destination, target } = message
          const partitions = await this.#topics.ensure(this.#names.topic(destination))
          if (target !== undefined) await this.#topics.ensureOwn(this.#names.retryTopic(target.group, destination), partitions)
        } catch (thrown) {
          const cause = toError(thrown)
          const isTemporary = isDriverError(thrown, 'temporary', 'unknown-topic')
          if (!isTemporary || performance.now() > until) {
            const failed = messages.flatMap((other, index) => (other.destination === message.destination ? [index] : []))
            throw new PublishError(`Nothing was published: ${cause.message}`, { cause, failed })
          }
          await pause(Math.min(20 * 2 ** failures, 500))
        }
      }
    }
  }

  #enqueue(records: readonly OutgoingRecord[], until: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const call: Call = {
        records,
        until,
        signal,
        settle: (error) => {
          if (call.settled) return
          call.settled = true
          signal?.removeEventListener('abort', abort)
          if (error === undefined) resolve()
          else reject(error)
        },
        sent: false,
        settled: false,
      }
      const abort = (): void => {
        const what = call.sent ? 'after it was sent; the events may have been stored' : 'before it was sent'
        const outcome = call.sent ? 'unknown' : 'failed'
        call.settle(new PublishError(`The publish was aborted ${what}.`, { cause: signal?.reason, outcome }))
      }
      if (signal?.aborted === true) return abort()
      signal?.addEventListener('abort', abort)
      this.#queue.push(call)
      this.#sending ??= this.#send()
    })
  }

  async #send(): Promise<void> {
    // what is published in the same turn goes along
    await Promise.resolve()
    while (this.#queue.length > 0) await this.#store(this.#take())
    this.#sending = undefined
  }

  #take(): readonly Call[] {
    let records = 0
    let bytes = 0
    let count = 0
    for (const call of this.#queue) {
      const size = call.records.reduce((sum, record) => sum + sizeOf(record), 0)
      if (count > 0 && (records + call.records.length > maxBatch || bytes + size > maxBatchBytes)) break
      records += call.records.length
      bytes += size
      count++
    }
    return this.#queue.splice(0, count).filter(({ settled }) => !settled)
  }

  async #store(calls: readonly Call[]): Promise<void> {
    for (let failures = 0; ; failures++) {
      const open = calls.filter(({ settled }) => !settled)
      if (open.length === 0) return
      const error = await this.#attempt(open)
      if (error === undefined) {
        for (const call of open) call.settle()
        return
      }
      if (!isDriverError(error, 'temporary', 'unknown-topic') && open.length > 1) {
        // one of them can't be stored; each of the others is not to blame
        for (const call of open) await this.#store([call])
        return
      }
      if (isDriverError(error, 'unknown-topic')) for (const { topic } of open.flatMap(({ records }) => records)) this.#topics.forget(topic)
      for (const call of open) {
        const isOver = !isDriverError(error, 'temporary', 'unknown-topic') || performance.now() >= call.until
        if (isOver) call.settle(failure(error, call.sent))
      }
      await this.#provide(open)
      await pause(Math.min(20 * 2 ** failures, 500))
    }
  }

  /** A topic that was deleted meanwhile is made again. */
  async #provide(calls: readonly Call[]): Promise<void> {
    for (const { topic } of calls.flatMap(({ records }) => records)) {
      if (this.#topics.knows(topic)) continue
      try {
        await this.#topics.ensure(topic)
      } catch (error) {
        for (const call of calls) if (!isDriverError(error)) call.settle(failure(toError(error), call.sent))
      }
    }
  }

  async #attempt(calls: readonly Call[]): Promise<Error | undefined> {
    const records = calls.length === 1 && calls[0] !== undefined ? calls[0].records : calls.flatMap((call) => call.records)
    const before = calls.map(({ sent }) => sent)
    for (const call of calls) call.sent = true
    try {
      if (records.length > maxBatch) for (const part of parts(records)) await this.#client.produce(part)
      else await this.#client.produce(records)
      return undefined
    } catch (thrown) {
      const error = toError(thrown)
      if (error instanceof DriverError && !error.sent) for (const [index, call] of calls.entries()) call.sent = before[index] ?? false
      return error
    }
  }
}

function parts(records: readonly OutgoingRecord[]): readonly (readonly OutgoingRecord[])[] {
  const list: (readonly OutgoingRecord[])[] = []
  for (let start = 0; start < records.length; start += maxBatch) list.push(records.slice(start, start + maxBatch))
  return list
}

function sizeOf({ value, headers }: OutgoingRecord): number {
  let bytes = 64 + (value?.length ?? 0)
  for (const name in headers) bytes += name.length + (headers[name]?.length ?? 0) + 4
  return bytes
}

function failure(error: Error, sent: boolean): Error {
  if (isInterlineError(error)) return error
  if (isDriverError(error, 'too-large')) {
    return new EventTooLargeError(
      `Kafka refused an event for its size: ${error.message} Keep the large part elsewhere, or raise max.message.bytes of the topic.`,
      { cause: error },
    )
  }
  return sent
    ? new PublishError(`Kafka did not answer, and the events may have been stored: ${error.message} Publish the same events again.`, {
        cause: error,
        outcome: 'unknown',
      })
    : new PublishError(`Kafka stored nothing: ${error.message}`, { cause: error, outcome: 'failed' })
}
