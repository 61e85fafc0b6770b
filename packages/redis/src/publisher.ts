import { randomUUID } from 'node:crypto'
import { ClosedError, isInterlineError, PublishError, toError, type WireMessage } from '@interline/core'
import { BatchBuilder, type Outgoing } from './batch.js'
import { isReply, isTemporary, type Link } from './connections.js'
import type { Destinations } from './destinations.js'
import type { KeySpace } from './key-space.js'
import { encodeEntry } from './redis-message.js'
import { publishScript, type ScriptArgument } from './scripts/index.js'
import { CallDeadline, pause } from './waiting.js'

interface Call {
  readonly messages: readonly Outgoing[]
  readonly deadline: CallDeadline
  readonly settle: (error?: Error) => void
  /** Set once a batch with it may have reached the server. */
  sent: boolean
  settled: boolean
}

const maxBatch = 1_000
/** Longer than any late packet of a connection given up. */
const counterMs = 600_000

/**
 * Sends one batch at a time and collects meanwhile what comes next, so that order holds over concurrent calls and over repeated tries:
 * a batch that failed holds back the later ones until it is stored or given up.
 */
export class Publisher {
  readonly #link: Link
  readonly #destinations: Destinations
  readonly #partitions: number
  readonly #timeoutMs: number
  readonly #counter: string
  readonly #builder: BatchBuilder
  #queue: Call[] = []
  #number = 0
  #sending: Promise<void> | undefined
  published = 0

  constructor(link: Link, destinations: Destinations, keys: KeySpace, options: { partitions: number; publishTimeoutMs: number }) {
    this.#link = link
    this.#destinations = destinations
    this.#partitions = options.partitions
    this.#timeoutMs = options.publishTimeoutMs
    this.#counter = keys.publisher(randomUUID())
    this.#builder = new BatchBuilder(keys)
  }

  publish(messages: readonly WireMessage[], signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const outgoing = encodeAll(messages)
      const call: Call = {
        messages: outgoing,
        deadline: new CallDeadline(this.#timeoutMs),
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
    const batch = this.#builder.build(messages, () => this.#partitions)
    const keys = [this.#counter, ...batch.keys]
    const values: ScriptArgument[] = [String(++this.#number), String(counterMs)]
    for (const value of batch.values) values.push(value)
    for (let failures = 0; ; failures++) {
      const error = await this.#attempt(calls, keys, values)
      if (error === undefined) break
      for (const call of calls) {
        if (!isTemporary(error) || call.deadline.passed) call.settle(failure(error, call.sent ? 'unknown' : 'failed'))
      }
      if (calls.every((call) => call.settled)) return
      await pause(Math.min(20 * 2 ** failures, 500))
    }
    this.published += messages.length
    for (const call of calls) call.settle()
  }

  async #attempt(calls: readonly Call[], keys: readonly string[], values: readonly ScriptArgument[]): Promise<Error | undefined> {
    let client: Awaited<ReturnType<Link['open']>>
    try {
      client = await this.#link.open()
    } catch (error) {
      return toError(error)
    }
    try {
      const before = calls.map((call) => call.sent)
      for (const call of calls) call.sent = true
      try {
        await publishScript.run(client, keys, values)
      } catch (error) {
        if (isReply(error) && refusedUntouched.test(toError(error).message)) {
          calls.forEach((call, index) => {
            call.sent = before[index] ?? false
          })
        }
        throw error
      }
      return undefined
    } catch (error) {
      if (!isReply(error)) this.#link.discard(client)
      return toError(error)
    }
  }
}

/** Answers that the server gives before a script has written anything. */
const refusedUntouched = /^(OOM|LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|NOPERM|NOAUTH|BUSY |MISCONF|NOREPLICAS)/

function encodeAll(messages: readonly WireMessage[]): Outgoing[] {
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
