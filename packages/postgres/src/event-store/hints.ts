import { toError } from '@interline/core'
import type { Listening } from '../database/database.js'
import { prepared, type Statement } from '../database/statement.js'
import { pause } from '../waiting.js'
import type { StoreLink } from './store-link.js'

/** At most so often: a notification takes a lock of the whole server when its transaction commits. */
const tellEveryMs = 50
const heartbeatMs = 10_000
const heartbeatAnswerMs = 5_000
const longestPauseMs = 10_000

/**
 * Tells other processes that something was appended, and hears it from them. Only a hint: it is sent after the append was committed, in
 * a statement of its own, and one that is lost costs time until a reader next looks.
 */
export class Hints {
  readonly #link: StoreLink
  readonly #notify: Statement
  readonly #heard: () => void
  readonly #stopped = new AbortController()
  #tellAt = 0
  #telling: Promise<void> | undefined
  #listening: Promise<void> | undefined

  constructor(link: StoreLink, heard: () => void) {
    this.#link = link
    this.#heard = heard
    this.#notify = prepared(`SELECT pg_notify('${link.names.channel}', '')`)
  }

  /** Something was appended here. Many in a short time are one hint. */
  tell(): void {
    if (this.#telling !== undefined || this.#stopped.signal.aborted || this.#link.database?.listen === undefined) return
    this.#telling = this.#tell().finally(() => {
      this.#telling = undefined
    })
  }

  /** Begins to hear, once. */
  listen(): void {
    this.#listening ??= this.#listen()
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

  async #listen(): Promise<void> {
    const { signal } = this.#stopped
    for (let failures = 0, told = false; !signal.aborted; ) {
      try {
        await this.#link.connect()
        if (this.#link.database?.listen === undefined) return
        await this.#hear(() => {
          failures = 0
          told = false
        })
      } catch (thrown) {
        if (signal.aborted) return
        failures++
        if (!told) {
          told = true
          this.#link.logger.warn('Hints of appends by other processes are not heard now; readers look by themselves meanwhile.', {
            error: toError(thrown).message,
          })
        }
        await pause(Math.min(longestPauseMs, 100 * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2), signal)
      }
    }
  }

  /** Until the connection is lost; a half-open one, of which the driver hears nothing, is found out by asking. */
  async #hear(opened: () => void): Promise<void> {
    const { signal } = this.#stopped
    const gone = new AbortController()
    let reason: Error | undefined
    const listening: Listening | undefined = await this.#link.database?.listen?.(this.#link.names.channel, {
      notified: () => this.#heard(),
      lost: (error) => {
        reason = error
        gone.abort()
      },
    })
    if (listening === undefined) return
    opened()
    // What was appended while nobody listened was not told.
    this.#heard()
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
