import { toError } from '@interline/core'
import { type CommittedOffset, isDriverError, type KafkaClient } from '../drivers/driver.js'
import { Bell, pause } from '../waiting.js'
import type { Membership } from './membership.js'
import type { PartitionLog } from './partition-log.js'

interface Waiter {
  readonly log: PartitionLog
  readonly resolve: (committed: boolean) => void
}

const longestPauseMs = 500

/**
 * Commits what changed, one commit at a time and never in the way of the next event. Whoever needs to know that something is surely
 * committed waits for the commit that carries it.
 */
export class CommitLoop {
  readonly #client: KafkaClient
  readonly #group: string
  readonly #membership: Membership
  readonly #intervalMs: number
  readonly #logs: () => Iterable<PartitionLog>
  readonly #failed: (error: Error) => void
  readonly #bell = new Bell()
  readonly #abort = new AbortController()
  #waiters: Waiter[] = []
  #running: Promise<void> | undefined
  #urgent = false

  constructor(
    client: KafkaClient,
    group: string,
    membership: Membership,
    intervalMs: number,
    logs: () => Iterable<PartitionLog>,
    failed: (error: Error) => void,
  ) {
    this.#client = client
    this.#group = group
    this.#membership = membership
    this.#intervalMs = intervalMs
    this.#logs = logs
    this.#failed = failed
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Something is there to be committed. */
  wake(): void {
    this.#bell.ring()
  }

  /** Resolves when what the log says now is committed; false where it was lost before. */
  committed(log: PartitionLog): Promise<boolean> {
    log.touch()
    this.#urgent = true
    this.#bell.ring()
    return new Promise((resolve) => this.#waiters.push({ log, resolve }))
  }

  /** The last word on these, which nothing follows. */
  async final(logs: readonly PartitionLog[], limitMs: number): Promise<boolean> {
    const began = performance.now()
    while (performance.now() - began < limitMs) {
      const { member } = this.#membership
      if (member !== undefined) {
        try {
          await this.#client.commit(
            this.#group,
            member,
            logs.map((log) => log.finalSnapshot()),
          )
          return true
        } catch (error) {
          if (isDriverError(error, 'fenced', 'unknown-topic', 'refused')) return false
        }
      }
      await pause(20)
    }
    return false
  }

  /** Those who wait for these need not any longer. */
  lost(logs: readonly PartitionLog[]): void {
    const waiting = this.#waiters
    this.#waiters = waiting.filter(({ log }) => !logs.includes(log))
    for (const { log, resolve } of waiting) if (logs.includes(log)) resolve(false)
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    this.#bell.ring()
    await this.#running
    for (const { resolve } of this.#waiters.splice(0)) resolve(false)
  }

  async #run(): Promise<void> {
    let failures = 0
    while (!this.#abort.signal.aborted) {
      const dirty = [...this.#logs()].filter((log) => log.dirty)
      const { member } = this.#membership
      if (dirty.length === 0) {
        await this.#bell.wait()
        // acknowledgements that come together go together
        if (!this.#urgent && !this.#abort.signal.aborted) await pause(this.#intervalMs)
        continue
      }
      if (member === undefined) {
        await this.#bell.wait(20)
        continue
      }
      this.#urgent = false
      const waiters = this.#waiters
      this.#waiters = []
      const snapshots = dirty.map((log) => log.snapshot())
      try {
        const offsets: readonly CommittedOffset[] = snapshots.map(({ offset }) => offset)
        await this.#client.commit(this.#group, member, offsets)
        for (const { confirmed } of snapshots) confirmed()
        for (const { resolve } of waiters) resolve(true)
        failures = 0
        this.onCommitted()
        if (!this.#urgent) await pause(this.#intervalMs)
      } catch (error) {
        this.#waiters.unshift(...waiters)
        for (const log of dirty) log.touch()
        // between two generations a commit is refused, and accepted afterwards
        if (isDriverError(error, 'fenced', 'rebalancing')) {
          if (this.#membership.member?.generation === member.generation) this.#membership.refused(error)
          await pause(5)
        } else {
          this.#failed(toError(error))
          await pause(Math.min(20 * 2 ** failures++, longestPauseMs), this.#abort.signal)
        }
      }
    }
  }

  /** More may be handed out. */
  onCommitted: () => void = () => undefined
}
