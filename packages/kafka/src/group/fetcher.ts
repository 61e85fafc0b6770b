import { Bell, pause, toError } from '@interline/core'
import { type DriverError, type Fetched, isDriverError, type KafkaClient, type Position } from '../drivers/driver.js'

export interface FetcherOwner {
  /** Where to fetch from now; none while there is no room or nothing is owned. */
  positions(): readonly Position[]
  /** What was asked for from this offset on. Resolves when there is room for more. */
  take(fetched: Fetched, from: number): Promise<void>
  /** The server has not what was asked for: a topic or the beginning of one is gone, or it can't be read. */
  gone(positions: readonly Position[], error: DriverError): Promise<void>
  failed(error: Error): void
  recovered(): void
}

const longestPauseMs = 500

/** Fetches from every node at once, one request for each at a time; a node's next one waits until its last was taken in. */
export class Fetcher {
  readonly #client: KafkaClient
  readonly #options: { readonly maxWaitMs: number; readonly maxBytes: number }
  readonly #owner: FetcherOwner
  readonly #bell = new Bell()
  readonly #nodes = new Map<string, Promise<void>>()
  readonly #abort = new AbortController()
  #running: Promise<void> | undefined

  constructor(client: KafkaClient, options: { readonly maxWaitMs: number; readonly maxBytes: number }, owner: FetcherOwner) {
    this.#client = client
    this.#options = options
    this.#owner = owner
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** There is something to fetch that was not there before. */
  wake(): void {
    this.#bell.ring()
  }

  /** Takes nothing in any more; a fetch that is under way is left to itself. */
  async stop(): Promise<void> {
    this.#abort.abort()
    this.#bell.ring()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort
    let failures = 0
    while (!signal.aborted) {
      const positions = this.#owner.positions()
      if (positions.length > 0) {
        try {
          for (const [node, mine] of await this.#client.leaders(positions)) {
            if (this.#nodes.has(node) || signal.aborted) continue
            const fetching = this.#fetch(node, mine).finally(() => {
              this.#nodes.delete(node)
              this.#bell.ring()
            })
            this.#nodes.set(node, fetching)
          }
          failures = 0
        } catch (error) {
          await this.#recover(positions, error, failures++)
          continue
        }
      }
      await this.#bell.wait(positions.length > 0 ? undefined : longestPauseMs * 2)
    }
  }

  async #fetch(node: string, positions: readonly Position[]): Promise<void> {
    try {
      const fetched = await this.#client.fetch(node, positions, this.#options)
      this.#owner.recovered()
      for (const each of fetched) {
        if (this.#abort.signal.aborted) return
        const asked = positions.find(({ topic, partition }) => topic === each.topic && partition === each.partition)
        if (asked !== undefined) await this.#owner.take(each, asked.offset)
      }
    } catch (error) {
      await this.#recover(positions, error, 3)
    }
  }

  async #recover(positions: readonly Position[], error: unknown, failures: number): Promise<void> {
    if (this.#abort.signal.aborted) return
    try {
      if (isDriverError(error, 'out-of-range', 'unknown-topic', 'codec')) await this.#owner.gone(positions, error)
      else this.#owner.failed(toError(error))
    } catch (again) {
      this.#owner.failed(toError(again))
    }
    await pause(Math.min(20 * 2 ** failures, longestPauseMs), this.#abort.signal)
  }
}
