import { type StoreHints, toError } from '@interline/core'
import type { TableNames } from '../table-names.js'
import { pause } from '../waiting.js'
import type { Listening } from './database.js'
import type { DatabaseLink } from './database-link.js'
import { prepared, type Statement } from './statement.js'

/** At most so often: a notification takes a lock of the whole server when its transaction commits. */
const tellEveryMs = 50
const heartbeatMs = 10_000
const heartbeatAnswerMs = 5_000
const longestPauseMs = 10_000

/**
 * Tells other processes that something is new in a table, and hears it from them. Only a hint: it is sent after the change was committed,
 * in a statement of its own, and one that is lost costs time until a reader next looks.
 */
export class Hints implements StoreHints {
  readonly #link: DatabaseLink<TableNames>
  readonly #notify: Statement
  readonly #stopped = new AbortController()
  #tellAt = 0
  #telling: Promise<void> | undefined
  #listening: Promise<void> | undefined

  constructor(link: DatabaseLink<TableNames>) {
    this.#link = link
    this.#notify = prepared(`SELECT pg_notify('${link.names.channel}', '')`)
  }

  /** Something is new here. Many in a short time are one hint. */
  tell(): void {
    if (this.#telling !== undefined || this.#stopped.signal.aborted || this.#link.database?.listen === undefined) return
    this.#telling = this.#tell().finally(() => {
      this.#telling = undefined
    })
  }

  /** Begins to hear, once. */
  listen(heard: () => void): void {
    this.#listening ??= this.#listen(heard)
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await Promise.all([this.#telling, this.#listening])
  }

  async #tell(): Promise<void> {
    await pause(Math.max(0, this.#tellAt - performance.now()), this.#stopped.signal)
    this.#tellAt = performance.now() + tellEveryMs
    try {
      await this.#link.database?.query(this.#notify, [], { timeoutMs: heartbeatAnswerMs })
    } catch {
      // Nobody waits for a hint, and readers look by themselves.
    }
  }

  async #listen(heard: () => void): Promise<void> {
    const { signal } = this.#stopped
    for (let failures = 0, told = false; !signal.aborted; ) {
      try {
        await this.#link.connect()
        if (this.#link.database?.listen === undefined) return
        await this.#hear(heard, () => {
          failures = 0
          told = false
        })
      } catch (thrown) {
        if (signal.aborted) return
        failures++
        if (!told) {
          told = true
          this.#link.logger.warn('Hints of what other processes did are not heard now; readers look by themselves meanwhile.', {
            error: toError(thrown).message,
          })
        }
        await pause(Math.min(longestPauseMs, 100 * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2), signal)
      }
    }
  }

  /** Until the connection is lost; a half-open one, of which the driver hears nothing, is found out by asking. */
  async #hear(heard: () => void, opened: () => void): Promise<void> {
    const { signal } = this.#stopped
    const gone = new AbortController()
    let reason: Error | undefined
    const listening: Listening | undefined = await this.#link.database?.listen?.(this.#link.names.channel, {
      notified: heard,
      lost: (error) => {
        reason = error
        gone.abort()
      },
    })
    if (listening === undefined) return
    opened()
    // What was new while nobody listened was not told.
    heard()
    const ended = AbortSignal.any([signal, gone.signal])
    try {
      while (!ended.aborted) {
        await pause(heartbeatMs, ended)
        if (!ended.aborted) await listening.check(heartbeatAnswerMs)
      }
    } finally {
      await listening.stop()
    }
    if (reason !== undefined && !signal.aborted) throw reason
  }
}
