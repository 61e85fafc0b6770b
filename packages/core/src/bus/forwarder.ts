import { resolved } from '../awaitable.js'
import { toError } from '../errors.js'
import type { Abortable } from '../ports/abortable.js'
import type { IClock } from '../ports/clock.js'
import type { IEventStore, Position, RecordedEvent } from '../ports/event-store.js'
import type { Lease } from '../ports/lease-store.js'
import type { ILogger } from '../ports/logger.js'
import type { WireMessage } from '../ports/message.js'
import { changed } from '../wire/changed-message.js'

export interface ForwarderSettings {
  readonly store: IEventStore
  /** Names the way from this store to this broker; all processes that share it forward as one. */
  readonly name: string
  readonly owner: string
  readonly clock: IClock
  readonly logger: ILogger
  /** Resolves when the broker has them. */
  readonly publish: (messages: readonly WireMessage[]) => Promise<void>
}

export interface Backlog {
  readonly size: number
  /** Milliseconds since 1970, by the store's clock. */
  readonly oldestAt: number | undefined
}

const leaseMs = 10_000
const pollMs = 1_000
const retryMs = 500
const pageSize = 500

/** Holds a message's due time in the store, whose entries have no other place for it. */
const dueAttribute = 'deliverat'

/** What is appended for a message that is to be forwarded. */
export function storable(message: WireMessage): WireMessage {
  if (message.deliverAt === undefined) return message
  return changed(message, { attributes: { ...message.attributes, [dueAttribute]: String(message.deliverAt) } })
}

/**
 * Publishes what is appended to a store, in the store's order, from where it left off: the only one who does, so that an event is never
 * in the store and not on the broker, nor the other way round. One process at a time forwards; a new one takes over from the checkpoint,
 * and may publish the last page again, under the same event ids.
 */
export class Forwarder {
  readonly #settings: ForwarderSettings
  readonly #waiting: { readonly appended: number; readonly resolve: () => void }[] = []
  #lease: Lease | undefined
  #position: Position | undefined
  #appended = 0
  #wake: () => void = () => undefined
  #stopped = false
  #ended = false
  #loop: Promise<void> | undefined
  #unsubscribe: (() => void) | undefined

  constructor(settings: ForwarderSettings) {
    this.#settings = settings
  }

  /** The first start of all begins with what is appended from now on. Started again, as by a bus that could not start at once, it goes on. */
  async start(): Promise<void> {
    if (this.#loop !== undefined) return
    const { store, name } = this.#settings
    await store.connect()
    if ((await store.checkpoints.load(name)) === undefined) await store.checkpoints.save(name, await store.head(), undefined)
    this.#unsubscribe = store.onAppended(() => this.wake())
    this.#loop = this.#run()
  }

  wake(): void {
    this.#appended++
    this.#wake()
  }

  /**
   * Resolves when everything that was appended here before has been published by this process, or another one is the one that forwards,
   * or nobody forwards here any more. For tests in one process.
   */
  passed(): Promise<void> {
    this.wake()
    if (this.#ended) return resolved
    return new Promise((resolve) => this.#waiting.push({ appended: this.#appended, resolve }))
  }

  /** Whether anything in the store still waits to be published, by whichever process. */
  async pending(): Promise<boolean> {
    const { store, name } = this.#settings
    const after = await store.checkpoints.load(name)
    for await (const _ of store.readAll({ after, limit: 1 })) return true
    return false
  }

  /** What waits to be published, by whichever process: how much, counted up to a limit, and when the oldest of it was appended. */
  async backlog(limit: number, options?: Abortable): Promise<Backlog> {
    const { store, name } = this.#settings
    const after = await store.checkpoints.load(name, options)
    let size = 0
    let oldestAt: number | undefined
    for await (const { recordedAt, forward } of store.readAll({ after, limit, signal: options?.signal })) {
      if (!forward) continue
      size++
      oldestAt ??= recordedAt
    }
    return { size, oldestAt }
  }

  /** Publishes what is there, then stops. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#unsubscribe?.()
    this.#wake()
    await this.#loop
    this.#ended = true
    this.#tell(this.#appended)
    if (this.#lease !== undefined) await this.#settings.store.leases.release(this.#lease)
  }

  async #run(): Promise<void> {
    for (let last = false; !last; ) {
      last = this.#stopped
      const appended = this.#appended
      try {
        if (await this.#own()) await this.#forwardAll()
        this.#tell(appended)
        if (!this.#stopped && this.#appended === appended) await this.#pause(pollMs)
      } catch (thrown) {
        this.#position = undefined
        this.#settings.logger.warn(`Forwarding from the store was interrupted; going on from the checkpoint.`, {
          error: toError(thrown).message,
        })
        if (!this.#stopped) await this.#pause(retryMs, true)
      }
    }
  }

  /** Whether this process is the one that forwards. */
  async #own(): Promise<boolean> {
    const { store, name, owner } = this.#settings
    if (this.#lease !== undefined && (await store.leases.renew(this.#lease, { durationMs: leaseMs }))) return true
    this.#position = undefined
    this.#lease = await store.leases.acquire(name, owner, { durationMs: leaseMs })
    return this.#lease !== undefined
  }

  async #forwardAll(): Promise<void> {
    const { store, name } = this.#settings
    this.#position ??= await store.checkpoints.load(name)
    for (;;) {
      const page: RecordedEvent[] = []
      for await (const recorded of store.readAll({ after: this.#position, limit: pageSize })) page.push(recorded)
      const end = page.at(-1)?.position
      if (end === undefined) return
      const messages = page.filter(({ forward }) => forward).map(({ message }) => due(message))
      if (messages.length > 0) await this.#settings.publish(messages)
      if (!(await store.checkpoints.save(name, end, this.#position))) throw new Error('another process has taken over')
      this.#position = end
      if (page.length < pageSize || !(await this.#own())) return
    }
  }

  #tell(appended: number): void {
    while (this.#waiting[0] !== undefined && this.#waiting[0].appended <= appended) {
      this.#waiting.shift()?.resolve()
    }
  }

  /** Until something was appended, it is stopped or the time is over; `fully` is not cut short by what is appended. */
  #pause(forMs: number, fully = false): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        this.#wake = () => undefined
        resolve()
      }
      const timer = this.#settings.clock.setTimer(end, forMs, { background: true })
      this.#wake = () => {
        if (!fully || this.#stopped) end()
      }
    })
  }
}

function due(message: WireMessage): WireMessage {
  const { [dueAttribute]: dueAt, ...attributes } = message.attributes
  return dueAt === undefined ? message : changed(message, { attributes, deliverAt: Number(dueAt) })
}
