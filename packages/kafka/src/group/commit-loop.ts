import { Bell, pause, toError } from '@interline/core'
import { type CommittedOffset, isDriverError, type KafkaClient } from '../drivers/driver.js'
import type { Membership } from './membership.js'
import type { OwnedPartition } from './owned-partition.js'
import type { PartitionLog } from './partition-log.js'

export interface CommitSettings {
  readonly client: KafkaClient
  readonly group: string
  readonly membership: Membership
  readonly intervalMs: number
  logs(): Iterable<PartitionLog>
  /** More may be handed out. */
  committed(): void
  failed(error: Error): void
}

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
  readonly #settings: CommitSettings
  readonly #bell = new Bell()
  readonly #abort = new AbortController()
  #waiters: Waiter[] = []
  #running: Promise<void> | undefined
  #urgent = false
  #resting = new AbortController()

  constructor(settings: CommitSettings) {
    this.#settings = settings
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Something is there to be committed. */
  wake(): void {
    this.#bell.ring()
  }

  /** Somebody waits for the next commit. */
  urge(): void {
    this.#urgent = true
    this.#resting.abort()
    this.#bell.ring()
  }

  /** Resolves when what the log says now is committed; false where it was lost before. */
  committed(log: PartitionLog): Promise<boolean> {
    log.touch()
    this.urge()
    return new Promise((resolve) => this.#waiters.push({ log, resolve }))
  }

  /** The last word on these, which nothing follows. */
  async final(partitions: readonly OwnedPartition[], limitMs: number): Promise<boolean> {
    const began = performance.now()
    while (performance.now() - began < limitMs) {
      const logs = partitions.filter(({ gone }) => !gone).flatMap((owned) => owned.logs)
      if (logs.length === 0) return false
      const { member } = this.#settings.membership
      if (member !== undefined) {
        try {
          const offsets = logs.map((log) => log.finalSnapshot())
          await this.#settings.client.commit(this.#settings.group, member, offsets)
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
    this.#resting.abort()
    this.#bell.ring()
    await this.#running
    for (const { resolve } of this.#waiters.splice(0)) resolve(false)
  }

  async #run(): Promise<void> {
    let failures = 0
    while (!this.#abort.signal.aborted) {
      const dirty = [...this.#settings.logs()].filter((log) => log.dirty)
      const { member } = this.#settings.membership
      if (dirty.length === 0) {
        await this.#bell.wait()
        await this.#rest()
        continue
      }
      if (member === undefined) {
        await this.#bell.wait(20)
        continue
      }
      this.#urgent = false
      // they stay in the list meanwhile: one whose partition is lost is told so at once, and no other commit answers for it
      const waiters = new Set(this.#waiters.filter(({ log }) => dirty.includes(log)))
      const snapshots = dirty.map((log) => log.snapshot())
      try {
        const offsets: readonly CommittedOffset[] = snapshots.map(({ offset }) => offset)
        await this.#settings.client.commit(this.#settings.group, member, offsets)
        for (const { confirmed } of snapshots) confirmed()
        this.#waiters = this.#waiters.filter((waiter) => !waiters.has(waiter))
        for (const { resolve } of waiters) resolve(true)
        failures = 0
        this.#settings.committed()
        await this.#rest()
      } catch (error) {
        for (const log of dirty) log.touch()
        // between two generations a commit is refused, and accepted afterwards
        if (isDriverError(error, 'fenced', 'rebalancing')) {
          if (this.#settings.membership.member?.generation === member.generation) this.#settings.membership.refused(error)
          await pause(5)
        } else {
          this.#settings.failed(toError(error))
          await pause(Math.min(20 * 2 ** failures++, longestPauseMs), this.#abort.signal)
        }
      }
    }
  }

  /** Acknowledgements that come together go together, unless somebody waits for them. */
  async #rest(): Promise<void> {
    if (this.#urgent || this.#abort.signal.aborted) return
    this.#resting = new AbortController()
    await pause(this.#settings.intervalMs, this.#resting.signal)
  }
}
