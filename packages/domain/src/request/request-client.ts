import { randomUUID } from 'node:crypto'
import { ClosedError, type IClock, type IEventBus, parseWith, type Subscription, topic, type ValueEvent } from '@interline/core'
import { RequestTimeoutError } from './errors.js'
import { definitionOf, givenMetadata, keyOf, type Request } from './request.js'
import { errorOf, type Reply, replyTopic, requestEvent } from './wire.js'

export interface RemoteOptions {
  readonly bus: IEventBus
  /** Which service asks: its processes share the topic of answers. */
  readonly service: string
  /** How long an answer is waited for where `dispatch` does not say. */
  readonly timeoutMs: number
  readonly clock: IClock
}

export interface RemoteCall {
  readonly key: string | undefined
  readonly timeoutMs: number | undefined
  readonly signal: AbortSignal | undefined
}

/** An answer that is still to come. */
class Waiting {
  resolve!: (result: unknown) => void
  reject!: (error: unknown) => void
  readonly answer: Promise<unknown> = new Promise((resolve, reject) => {
    this.resolve = resolve
    this.reject = reject
  })

  constructor() {
    // It may be rejected while the broker is still busy with the request.
    this.answer.catch(() => undefined)
  }
}

/** Asks other processes. Their answers come on a topic of this service, of which every process sees all and takes its own. */
export class RequestClient {
  readonly #options: RemoteOptions
  /** This process, for those who answer. */
  readonly #address = randomUUID()
  readonly #waiting = new Map<string, Waiting>()
  #listening: Promise<Subscription> | undefined
  #closed = false

  constructor(options: RemoteOptions) {
    this.#options = options
  }

  /** Resolves with the answer. Rejects with what the handler threw, with RequestTimeoutError, or with the signal's reason. */
  async ask(request: Request, { key, timeoutMs = this.#options.timeoutMs, signal }: RemoteCall): Promise<unknown> {
    signal?.throwIfAborted()
    await validate(request)
    // it would listen for its answer for good
    if (this.#closed) throw new ClosedError('The bus was closed before the request was sent. Make a new bus.')
    const { kind, type, data } = request
    const eventId = randomUUID()
    const waiting = new Waiting()
    this.#waiting.set(eventId, waiting)
    const timer = this.#options.clock.setTimer(() => waiting.reject(noAnswer(request, timeoutMs)), timeoutMs)
    const abort = (): void => waiting.reject(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await Promise.race([waiting.answer, this.#listen()])
      const { service, clock } = this.#options
      const reply = { service, to: this.#address, expiresAt: clock.now() + timeoutMs }
      const event = requestEvent(kind, type)({ id: request.id, payload: data, reply }, { ...givenMetadata(request), eventId })
      await Promise.race([waiting.answer, this.#options.bus.publish(event, { key: key ?? keyOf(request), signal })])
      const answer = await waiting.answer
      const result = definitionOf(request)?.result
      return result === undefined ? answer : await parseWith(result, answer, `the answer to ${kind} "${type}"`)
    } finally {
      this.#waiting.delete(eventId)
      timer.cancel()
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Resolves when the request is durably accepted; nobody answers. */
  async send(request: Request, { key, signal }: Omit<RemoteCall, 'timeoutMs'>): Promise<void> {
    await validate(request)
    const { kind, type, data, id } = request
    const event = requestEvent(kind, type)({ id, payload: data }, { ...givenMetadata(request), eventId: id })
    await this.#options.bus.publish(event, { key: key ?? keyOf(request), signal })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const { reject } of this.#waiting.values())
      reject(new ClosedError('The bus was closed before the answer came. The request may have been handled.'))
    const listening = await this.#listening?.catch(() => undefined)
    await listening?.unsubscribe()
  }

  #listen(): Promise<Subscription> {
    const { bus, service } = this.#options
    this.#listening ??= bus
      .subscribe(topic<ValueEvent<string, Reply>>(replyTopic(service)), ({ data }) => this.#take(data), {
        name: `replies-${this.#address}`,
        broadcast: true,
      })
      .catch((error: unknown) => {
        this.#listening = undefined
        throw error
      })
    return this.#listening
  }

  #take(reply: Reply): void {
    if (reply.to !== this.#address) return
    const waiting = this.#waiting.get(reply.request)
    if (reply.outcome === 'done') waiting?.resolve(reply.result)
    else waiting?.reject(errorOf(reply.error))
  }
}

/** Before it is sent, so that a mistake is heard of here. */
async function validate(request: Request): Promise<void> {
  const schema = definitionOf(request)?.schema
  if (schema !== undefined) await parseWith(schema, request.data, `${request.kind} "${request.type}"`)
}

function noAnswer({ kind, type }: Request, timeoutMs: number): RequestTimeoutError {
  return new RequestTimeoutError(
    `No answer to ${kind} "${type}" within ${timeoutMs} ms. It may have been handled, or no process serves it: look there before you dispatch it again.`,
  )
}
