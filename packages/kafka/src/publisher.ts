import { ClosedError, PublishError, pause, toError, type WireMessage } from '@interline/core'
import type { Report } from './context.js'
import { DriverError, isDriverError, type KafkaClient, type OutgoingRecord } from './drivers/driver.js'
import { encodeRecord } from './kafka-message.js'
import type { Names } from './names.js'
import { type Call, failure, fitting, partOf, requestsOf, settleWith, takeOut } from './publish-call.js'
import type { Topics } from './topics.js'

/** Between tries to store what nobody may lose. */
const longestPauseMs = 5_000

/** A call that is not in the queue yet. */
interface Preparing {
  readonly topics: ReadonlySet<string>
  /** Settles when it is in the queue, or rejected. */
  readonly queued: Promise<unknown>
}

/**
 * Sends one batch at a time and collects meanwhile what comes next, so that order holds over concurrent calls and over repeated tries:
 * a batch that failed holds back the later ones until it is stored or given up. What is sent again has the same event ids.
 */
export class Publisher {
  readonly #client: KafkaClient
  readonly #topics: Topics
  readonly #names: Names
  readonly #report: Report
  readonly #timeoutMs: number
  #queue: Call[] = []
  /** Calls whose topics are not known yet, or that wait for such a one. */
  readonly #preparing = new Set<Preparing>()
  #sending: Promise<void> | undefined
  published = 0

  constructor(client: KafkaClient, topics: Topics, names: Names, report: Report, publishTimeoutMs: number) {
    this.#client = client
    this.#topics = topics
    this.#names = names
    this.#report = report
    this.#timeoutMs = publishTimeoutMs
  }

  async publish(messages: readonly WireMessage[], signal: AbortSignal | undefined): Promise<void> {
    const records = this.#encode(messages)
    const enqueue = (): Promise<void> => this.#enqueue(records, performance.now() + this.#timeoutMs, signal)
    if (this.#preparing.size === 0 && messages.every((message) => this.#isKnown(message))) await enqueue()
    else await (await this.#prepared(messages, enqueue)).answer
    this.published += messages.length
  }

  /** Stores records of our own. Tries until it is done, or the signal is aborted: then false. */
  async store(records: readonly OutgoingRecord[], signal: AbortSignal): Promise<boolean> {
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.#enqueue(records, performance.now() + this.#timeoutMs, signal)
        return true
      } catch (thrown) {
        if (thrown instanceof ClosedError) return false
        const error = toError(thrown)
        const names = [...new Set(records.map(({ topic }) => topic))].join(', ')
        // nothing is lost: the event stays unsettled until this is stored
        if (failures === 0 && !signal.aborted)
          this.#report({ kind: 'warning', detail: `Still trying to store in ${names}: ${error.message}`, error })
        await pause(Math.min(250 * 2 ** failures, longestPauseMs), signal)
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

  /** Puts a call into the queue once its topics are known, and not before those that have a topic with it and came first. */
  #prepared(messages: readonly WireMessage[], enqueue: () => Promise<void>): Promise<{ readonly answer: Promise<void> }> {
    const topics = new Set(messages.map((message) => this.#topicOf(message)))
    const before = [...this.#preparing].filter((other) => [...topics].some((topic) => other.topics.has(topic)))
    const ready = this.#prepare(messages)
    const queued = Promise.allSettled([ready, ...before.map((other) => other.queued)])
      .then(() => ready)
      .then(() => ({ answer: enqueue() }))
      .finally(() => this.#preparing.delete(preparing))
    const preparing: Preparing = { topics, queued }
    this.#preparing.add(preparing)
    return queued
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
      let isSettled = false
      const call: Call = {
        all: records,
        left: records,
        until,
        sent: false,
        get settled() {
          return isSettled
        },
        settle: (error) => {
          if (isSettled) return
          isSettled = true
          signal?.removeEventListener('abort', abort)
          if (error === undefined) resolve()
          else reject(error)
        },
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
    return this.#queue.splice(0, fitting(this.#queue)).filter(({ settled }) => !settled)
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
      const passes = isDriverError(error, 'temporary', 'unknown-topic')
      // one of several can't be stored; each of the others is not to blame
      if (!passes && (open.length > 1 || isDriverError(error, 'too-large'))) return this.#isolate(open, error)
      if (isDriverError(error, 'unknown-topic')) for (const { topic } of open.flatMap(({ left }) => left)) this.#topics.forget(topic)
      for (const call of open) if (!passes || performance.now() >= call.until) giveUp(call, failure(error, call.sent))
      await this.#provide(open)
      await pause(Math.min(20 * 2 ** failures, 500))
    }
  }

  /** Call by call, and a call by its halves, down to the one. */
  async #isolate(calls: readonly Call[], error: Error): Promise<void> {
    for (const call of calls) {
      if (call.settled) continue
      if (calls.length > 1) await this.#store([call])
      else if (call.left.length <= 1) giveUp(call, failure(error, call.sent))
      else {
        const middle = Math.ceil(call.left.length / 2)
        const refused = new Map<OutgoingRecord, Error>()
        for (const half of [call.left.slice(0, middle), call.left.slice(middle)]) await this.#store([partOf(call, half, refused)])
        settleWith(call, refused)
      }
    }
  }

  /** A topic that was deleted meanwhile is made again. */
  async #provide(calls: readonly Call[]): Promise<void> {
    for (const { topic } of calls.flatMap(({ left }) => left)) {
      if (this.#topics.knows(topic)) continue
      try {
        await this.#topics.ensure(topic)
      } catch (error) {
        for (const call of calls) if (!isDriverError(error)) giveUp(call, failure(toError(error), call.sent))
      }
    }
  }

  async #attempt(calls: readonly Call[]): Promise<Error | undefined> {
    const [first] = calls
    const requests = calls.length === 1 && first !== undefined ? requestsOf(first.left) : [calls.flatMap(({ left }) => left)]
    const before = calls.map(({ sent }) => sent)
    for (const call of calls) call.sent = true
    const stored: OutgoingRecord[] = []
    try {
      for (const records of requests) {
        await this.#client.produce(records)
        if (requests.length > 1) stored.push(...records)
      }
      return undefined
    } catch (thrown) {
      const error = toError(thrown)
      if (error instanceof DriverError) {
        stored.push(...error.stored)
        if (!error.sent) for (const [index, call] of calls.entries()) call.sent = before[index] ?? false
      }
      takeOut(calls, new Set(stored))
      return error
    }
  }
}

/** What is left of it. */
function giveUp(call: Call, error: Error): void {
  settleWith(call, new Map(call.left.map((record) => [record, error])))
}
