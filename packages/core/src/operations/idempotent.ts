import { createHash, randomUUID } from 'node:crypto'
import { ConfigurationError, InterlineError, toError } from '../errors.js'
import type { Abortable, Awaitable } from '../ports/abortable.js'
import type { IClock, Timer } from '../ports/clock.js'
import type { IOperationStore, OperationClaim } from '../ports/operation-store.js'
import { systemClock } from '../system-clock.js'
import { errorOutcome, readOutcome, resultOutcome } from './outcome.js'

export interface IdempotentOptions extends Abortable {
  /** What is done, such as `hold-escrow`: the same key belongs to another thing in another operation. */
  readonly operation: string
  /** Names this request, such as the idempotency key that the client sent. */
  readonly key: string
  /** How long the result is given again, default one day. */
  readonly ttlMs?: number | undefined
  /** What was asked for. The same key with another request is refused. */
  readonly request?: unknown
  /** Which failures are remembered, and thrown again without another run. Default: none, the next call runs it again. */
  readonly rememberFailures?: boolean | ((error: Error) => boolean) | undefined
}

/** What an operation is told while it runs. */
export interface OperationContext {
  /** Aborted when others may run it, as nothing was heard of this process for too long; and by the caller's own signal. */
  readonly signal: AbortSignal
}

/** Runs an operation once for its key, over all processes, and gives its first result again. */
export type Idempotent = <T>(options: IdempotentOptions, run: (context: OperationContext) => Awaitable<T>) => Promise<T>

export interface IdempotentSettings {
  /** After so long without a sign of life of the process that runs it, another one may. Default 10,000. */
  readonly leaseMs?: number | undefined
  readonly clock?: IClock | undefined
}

/** The same key came with another request. Use a key of its own for each. */
export class IdempotencyConflictError extends InterlineError {
  override readonly code = 'INTERLINE_IDEMPOTENCY_CONFLICT'
}

const defaults = { leaseMs: 10_000, ttlMs: 86_400_000 } as const
const firstWaitMs = 10
const longestWaitMs = 250

/**
 * Makes `idempotent` over a store. Two calls at once run it once: the second waits for the result of the first, in whichever process. A
 * process that dies is replaced after the lease; it may have done its work by then, so what it does should bear to be begun again.
 */
export function idempotentOperations(
  store: IOperationStore,
  { leaseMs = defaults.leaseMs, clock = systemClock }: IdempotentSettings = {},
): Idempotent {
  if (!Number.isInteger(leaseMs) || leaseMs < 1) throw new ConfigurationError(`leaseMs is ${leaseMs}; give milliseconds, 1 or more.`)
  return async function idempotent<T>(options: IdempotentOptions, run: (context: OperationContext) => Awaitable<T>): Promise<T> {
    const { operation, key, ttlMs = defaults.ttlMs, signal, request } = checked(options)
    const name = `${operation}\n${key}`
    const claim = { owner: randomUUID(), fingerprint: fingerprintOf(request), leaseMs }
    let ran: Ran | undefined
    for (let waitMs = firstWaitMs; ; waitMs = Math.min(longestWaitMs, waitMs * 2)) {
      signal?.throwIfAborted()
      const asked = clock.monotonic()
      const state = await store.begin(name, claim, { signal })
      if (state.kind === 'done') return readOutcome(operation, state.outcome) as T
      if (state.kind === 'other') {
        throw new IdempotencyConflictError(`Key "${key}" of "${operation}" was used for another request. Use a new key for a new request.`)
      }
      if (state.kind === 'begun') {
        const held = new Held(store, name, claim, clock)
        // Where its lease had ended before its result was kept, and nobody else has it now, it is not run again.
        ran ??= await held.run(run, asked, signal)
        const ended = await held.end(ran, options, ttlMs)
        if (ended !== undefined) return ended.value as T
      }
      await new Promise<void>((resolve) => clock.setTimer(resolve, waitMs * (0.5 + Math.random() / 2)))
    }
  }
}

type Ran = { readonly kind: 'result'; readonly value: unknown } | { readonly kind: 'error'; readonly error: Error }

/** An operation that is this call's, as long as its lease is renewed. */
class Held {
  readonly #store: IOperationStore
  readonly #name: string
  readonly #claim: OperationClaim
  readonly #clock: IClock
  readonly #lost = new AbortController()

  constructor(store: IOperationStore, name: string, claim: OperationClaim, clock: IClock) {
    this.#store = store
    this.#name = name
    this.#claim = claim
    this.#clock = clock
  }

  /** `asked`: when it was begun, at the latest. */
  async run(run: (context: OperationContext) => Awaitable<unknown>, asked: number, given: AbortSignal | undefined): Promise<Ran> {
    const { leaseMs } = this.#claim
    const lose = (): void => this.#lost.abort(new Error('The lease of the operation has ended; another process may run it.'))
    const endsAfter = (from: number): Timer => this.#clock.setTimer(lose, from + leaseMs - this.#clock.monotonic(), { background: true })
    const renewLater = (): Timer => this.#clock.setTimer(() => void renew(), leaseMs / 3, { background: true })
    let running = true
    const renew = async (): Promise<void> => {
      const before = this.#clock.monotonic()
      let renewed: boolean | undefined
      try {
        renewed = await this.#store.renew(this.#name, this.#claim)
      } catch {
        // Tried again until the lease has ended.
      }
      if (!running || this.#lost.signal.aborted) return
      if (renewed === false) return lose()
      if (renewed === true) {
        end.cancel()
        end = endsAfter(before)
      }
      timer = renewLater()
    }
    // It ends also where a renewal is not answered.
    let end = endsAfter(asked)
    let timer = renewLater()
    const signal = given === undefined ? this.#lost.signal : AbortSignal.any([given, this.#lost.signal])
    try {
      return { kind: 'result', value: await run({ signal }) }
    } catch (thrown) {
      return { kind: 'error', error: toError(thrown) }
    } finally {
      running = false
      timer.cancel()
      end.cancel()
    }
  }

  /** Keeps how it ended, and answers it as every caller gets it; `undefined` where another process has taken it over. */
  async end(
    ran: Ran,
    { operation, rememberFailures = false }: IdempotentOptions,
    ttlMs: number,
  ): Promise<{ readonly value: unknown } | undefined> {
    const { owner } = this.#claim
    if (ran.kind === 'error') {
      const remembered = typeof rememberFailures === 'function' ? rememberFailures(ran.error) : rememberFailures
      if (remembered) await this.#store.complete(this.#name, { owner, outcome: errorOutcome(ran.error), ttlMs })
      else await this.#store.release(this.#name, owner)
      throw ran.error
    }
    let outcome: string
    try {
      outcome = resultOutcome(operation, ran.value)
    } catch (thrown) {
      // It was done: it must not be run again, whatever became of its result.
      await this.#store.complete(this.#name, { owner, outcome: errorOutcome(toError(thrown)), ttlMs })
      throw thrown
    }
    return (await this.#store.complete(this.#name, { owner, outcome, ttlMs })) ? { value: readOutcome(operation, outcome) } : undefined
  }
}

function checked(options: IdempotentOptions): IdempotentOptions {
  for (const name of ['operation', 'key'] as const) {
    const value = options[name]
    if (typeof value !== 'string' || value === '') throw new ConfigurationError(`idempotent needs "${name}", a text that is not empty.`)
  }
  const { ttlMs } = options
  if (ttlMs !== undefined && !(Number.isFinite(ttlMs) && ttlMs > 0)) {
    throw new ConfigurationError(`idempotent got ttlMs: ${String(ttlMs)}; give milliseconds, more than 0.`)
  }
  return options
}

/** The same for the same JSON, whatever the order of its fields. */
function fingerprintOf(request: unknown): string {
  if (request === undefined) return ''
  const text = JSON.stringify(request, (_name, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)))
  })
  return createHash('sha256').update(String(text)).digest('base64url')
}
