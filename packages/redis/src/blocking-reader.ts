import { pause, toError } from '@interline/core'
import type { Redis } from 'ioredis'
import { isUseless, Link } from './connections.js'
import type { BrokerContext } from './context.js'
import type { Script } from './scripts/index.js'

/** What XREAD and XREADGROUP answer: streams with their entries. */
export type ReadReply = readonly [key: string, entries: readonly [id: string, fields: string[]][]][]

/** How much longer than it was told to block the server may take before the connection counts as dead. */
const graceMs = 3_000
const unblockAgainMs = 10

/** The blocking connection of one consumer, watched, because a dead socket is silent. */
export class BlockingReader {
  readonly #context: BrokerContext
  readonly #link: Link
  #connectionId: number | undefined
  #knownGeneration = -1
  /** Which read is under way; 0 where none is. */
  #reading = 0
  #reads = 0
  /** Somebody woke the reader before it began to read. */
  #woken = false

  constructor(context: BrokerContext) {
    this.#context = context
    this.#link = new Link(context.options, 'reader', context.report)
  }

  /** Grows with every fresh connection: what was on its way over the last one may be pending and unseen. */
  get generation(): number {
    return this.#link.generation
  }

  /** Connects where that is needed, so that `generation` tells the truth before a read. */
  async prepare(): Promise<void> {
    const client = await this.#link.open()
    if (this.#knownGeneration === this.#link.generation) return
    const generation = this.#link.generation
    this.#connectionId = Number(await this.#watched(client, client.client('ID'), 0))
    this.#knownGeneration = generation
  }

  /** After `prepare`. `command` in small letters: ioredis gives replies their old shape by that name. */
  async read(command: 'xread' | 'xreadgroup', parameters: readonly string[], blockMs: number): Promise<ReadReply> {
    const client = await this.#link.open()
    if (this.#woken) {
      this.#woken = false
      return []
    }
    this.#reading = ++this.#reads
    try {
      return ((await this.#watched(client, client.call(command, [...parameters]), blockMs)) as ReadReply | null) ?? []
    } finally {
      this.#reading = 0
    }
  }

  /** Runs a script that reads without waiting, over the same connection. */
  async run(script: Script, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    const client = await this.#link.open()
    return this.#watched(client, script.run(client, keys, values), 0)
  }

  /** Ends a blocking read, or the next one where none is under way, because what it should read has changed. */
  wake(): void {
    if (this.#reading === 0) this.#woken = true
    else void this.#unblock(this.#reading)
  }

  /** Goes over another connection, so that it may arrive before the read does: then it has to be said again. */
  async #unblock(read: number): Promise<void> {
    const id = this.#connectionId
    if (id === undefined) return
    try {
      while (this.#reading === read) {
        const unblocked = await this.#context.control.at('').run((client) => client.client('UNBLOCK', id), 1_000)
        if (unblocked === 1) return
        await pause(unblockAgainMs)
      }
    } catch (error) {
      this.#context.report({ kind: 'warning', detail: 'A blocking read could not be woken; it ends by itself.', error: toError(error) })
    }
  }

  close(): void {
    this.#link.close()
  }

  async #watched<T>(client: Redis, answer: Promise<T>, blockMs: number): Promise<T> {
    let dead = false
    const watchdog = setTimeout(() => {
      dead = true
      this.#link.discard(client)
    }, blockMs + graceMs)
    try {
      return await answer
    } catch (error) {
      if (isUseless(error)) this.#link.discard(client)
      throw dead ? new Error('A read got no answer in time; its connection was given up.', { cause: error }) : error
    } finally {
      clearTimeout(watchdog)
    }
  }
}
