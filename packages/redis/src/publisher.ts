import { ClosedError, isInterlineError, PublishError, pause, toError, type WireMessage } from '@interline/core'
import type { Redis } from 'ioredis'
import type { BatchBuilder, Outgoing } from './batch.js'
import { isReply } from './connections.js'
import type { Destinations } from './destinations.js'
import type { PartitionKeys } from './key-space.js'
import type { Route } from './links.js'
import { encodeEntry } from './redis-message.js'
import { publishScript, type ScriptArgument } from './scripts/index.js'
import { CallDeadline } from './waiting.js'

interface Call {
  readonly messages: readonly Outgoing[]
  readonly deadline: CallDeadline
  readonly settle: (error?: Error) => void
  /** Set once a batch with it may have reached the server. */
  sent: boolean
  settled: boolean
}

const maxBatch = 1_000
/** How long the number of a batch is remembered after its last try: longer than any late packet of a connection given up. */
const lateMs = 600_000

/** How long the server waits for its replicas before it answers how many have it. */
const replicationMs = 1_000

export interface PublisherSettings {
  readonly builder: BatchBuilder
  /** Key of the number of the last batch. */
  readonly counter: string
  /** Whom to tell that there is something new, where readers wait for that. */
  readonly news: Pick<PartitionKeys, 'waiting' | 'news'> | undefined
  readonly publishTimeoutMs: number
  readonly waitForReplicas: number
}

/**
 * Sends one batch at a time and collects meanwhile what comes next, so that order holds over concurrent calls and over repeated tries:
 * a batch that failed holds back the later ones until it is stored or given up.
 */
export class Publisher {
  readonly #route: Route
  readonly #destinations: Destinations
  readonly #settings: PublisherSettings
  #queue: Call[] = []
  #number = 0
  #sending: Promise<void> | undefined
  published = 0

  constructor(route: Route, destinations: Destinations, settings: PublisherSettings) {
    this.#route = route
    this.#destinations = destinations
    this.#settings = settings
  }

  async publish(messages: readonly WireMessage[], signal: AbortSignal | undefined): Promise<void> {
    return this.send(encodeAll(messages), signal)
  }

  send(outgoing: readonly Outgoing[], signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const call: Call = {
        messages: outgoing,
        deadline: new CallDeadline(this.#settings.publishTimeoutMs),
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
        call.settle(
          new PublishError(`The publish was aborted ${what}.`, { cause: signal?.reason, outcome: call.sent ? 'unknown' : 'failed' }),
        )
      }
      if (signal?.aborted === true) return abort()
      signal?.addEventListener('abort', abort)
      this.#queue.push(call)
      this.#sending ??= this.#send()
    })
  }

  /** Resolves when everything accepted so far was stored or rejected. */
  async flush(): Promise<void> {
    await this.#sending
  }

  async #send(): Promise<void> {
    // What is published in the same turn goes along.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const calls = this.#take()
      try {
        if (await this.#prepare(calls)) await this.#store(calls.filter((call) => !call.settled))
      } catch (error) {
        for (const call of calls) call.settle(failure(toError(error), call.sent ? 'unknown' : 'failed'))
      }
    }
    this.#sending = undefined
  }

  #take(): Call[] {
    let size = 0
    let count = 0
    for (const call of this.#queue) {
      if (count > 0 && size + call.messages.length > maxBatch) break
      size += call.messages.length
      count++
    }
    return this.#queue.splice(0, count).filter((call) => !call.settled)
  }

  /** Makes new destinations known. A call to one that can't be used is rejected here; the others go on. */
  async #prepare(calls: readonly Call[]): Promise<boolean> {
    for (const call of calls) {
      for (const { message } of call.messages) {
        if (this.#destinations.knows(message.destination)) continue
        try {
          await this.#destinations.ensure(message.destination)
        } catch (error) {
          const failed = call.messages.flatMap((other, index) => (other.message.destination === message.destination ? [index] : []))
          const cause = toError(error)
          call.settle(new PublishError(`Nothing was published: ${cause.message}`, { cause, failed, outcome: 'failed' }))
          break
        }
      }
    }
    return calls.some((call) => !call.settled)
  }

  async #store(calls: readonly Call[]): Promise<void> {
    const messages = calls.length === 1 && calls[0] !== undefined ? calls[0].messages : calls.flatMap((call) => call.messages)
    const { builder, counter, news, publishTimeoutMs } = this.#settings
    const batch = builder.build(messages)
    const keys = [counter, ...batch.keys, ...(news === undefined ? [] : [news.waiting])]
    const values: ScriptArgument[] = [String(++this.#number), String(publishTimeoutMs + lateMs), news?.news ?? '']
    for (const value of batch.values) values.push(value)
    for (let failures = 0; ; failures++) {
      const outcome = await this.#attempt(calls, keys, values)
      if (outcome === 'stored') break
      if (outcome !== 'not sent') {
        for (const call of calls) {
          if (!this.#route.mayPass(outcome) || call.deadline.passed) call.settle(failure(outcome, call.sent ? 'unknown' : 'failed'))
        }
        if (calls.every((call) => call.settled)) return
        await pause(Math.min(20 * 2 ** failures, 500))
      }
      if (calls.some(isGivenUp)) return this.#store(calls.filter((call) => !call.settled))
    }
    this.published += messages.length
    for (const call of calls) call.settle()
  }

  async #attempt(calls: readonly Call[], keys: readonly string[], values: readonly ScriptArgument[]): Promise<Attempt> {
    const before = calls.map((call) => call.sent)
    try {
      return await this.#route.once(async (client) => {
        if (calls.some(isGivenUp)) return 'not sent'
        for (const call of calls) call.sent = true
        await publishScript.run(client, keys, values)
        return this.#settings.waitForReplicas === 0 ? 'stored' : this.#replicated(client)
      })
    } catch (thrown) {
      const error = toError(thrown)
      if (isReply(error) && refusedUntouched.test(error.message)) {
        calls.forEach((call, index) => {
          call.sent = before[index] ?? false
        })
      }
      return error
    }
  }

  /** Too few of them are no fault of the connection, which stays. */
  async #replicated(client: Redis): Promise<Attempt> {
    const { waitForReplicas } = this.#settings
    const replicas = await client.wait(waitForReplicas, replicationMs)
    return replicas < waitForReplicas ? new TooFewReplicas(`${replicas} of ${waitForReplicas} replicas have it`) : 'stored'
  }
}

/** `not sent`: somebody in the batch was told meanwhile that nothing of theirs is stored, so that it may not go like this. */
type Attempt = 'stored' | 'not sent' | Error

/** Told that nothing of it is stored: it must not go along with what it was to be sent with. */
function isGivenUp(call: Call): boolean {
  return call.settled && !call.sent
}

/** Tried again, as a connection that broke is: the batch is not stored twice. */
class TooFewReplicas extends Error {}

/** Answers that the server gives before a script has written anything. */
const refusedUntouched = /^(OOM|LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|MOVED|ASK|TRYAGAIN|NOPERM|NOAUTH|BUSY |MISCONF|NOREPLICAS)/

export function encodeAll(messages: readonly WireMessage[]): Outgoing[] {
  const problems = new Map<number, Error>()
  const outgoing: Outgoing[] = []
  messages.forEach((message, index) => {
    try {
      outgoing.push({ message, fields: encodeEntry(message) })
    } catch (error) {
      problems.set(index, toError(error))
    }
  })
  const [first] = problems
  if (first !== undefined) {
    const [index, cause] = first
    throw new PublishError(`Nothing was published: message ${index} can't be stored. ${cause.message}`, {
      cause,
      failed: [...problems.keys()],
      outcome: 'failed',
    })
  }
  return outgoing
}

function failure(error: Error, outcome: 'failed' | 'unknown'): Error {
  if (error instanceof ClosedError || (isInterlineError(error) && error instanceof PublishError)) return error
  const full = error.message.startsWith('OOM') ? ' Redis is full: raise maxmemory, or let the groups that lag catch up.' : ''
  return outcome === 'failed'
    ? new PublishError(`Redis stored nothing: ${error.message}.${full}`, { cause: error, outcome })
    : new PublishError(`Redis did not answer, and the events may have been stored: ${error.message}. Publish the same events again.`, {
        cause: error,
        outcome,
      })
}
