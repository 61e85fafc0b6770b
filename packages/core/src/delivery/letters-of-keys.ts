import { after, isPromise } from '../awaitable.js'
import type { Awaitable } from '../ports/abortable.js'
import type { DeadLetter, IDeadLetterStore } from '../ports/dead-letter-store.js'
import type { WireMessage } from '../ports/message.js'

export interface LettersOfKeysSettings {
  readonly group: string
  readonly destination: string
  readonly store: IDeadLetterStore
  readonly publish: (messages: readonly WireMessage[]) => Awaitable<void>
  /** Repeats a call until it succeeds; rejects only when the bus closes. */
  readonly insist: <T>(call: () => Awaitable<T>) => Awaitable<T>
}

/**
 * What may become of an event whose key may be waiting for another event of it. `run`: nothing is in its way, or it is the copy of the
 * first letter of its key, which was put away at `deadAt`. `park`: it waits behind what was put away at `behind`. `skip`: it has been
 * dealt with before.
 */
export type Admission =
  | { readonly kind: 'run'; readonly deadAt?: number | undefined }
  | { readonly kind: 'park'; readonly behind: number }
  | { readonly kind: 'skip' }

export const run: Admission = { kind: 'run' }
export const skip: Admission = { kind: 'skip' }

/** A table of keys, loaded anew for each ownership, before its first event is admitted. */
export class TablePerOwnership<Table> {
  readonly #load: () => Awaitable<Table>
  /** By the signal that ends with the ownership. */
  readonly #tables = new WeakMap<AbortSignal, Awaitable<Table>>()

  constructor(load: () => Awaitable<Table>) {
    this.#load = load
  }

  of(ownership: AbortSignal): Awaitable<Table> {
    return this.#tables.get(ownership) ?? this.#loaded(ownership)
  }

  #loaded(ownership: AbortSignal): Awaitable<Table> {
    const loading = this.#load()
    this.#tables.set(ownership, loading)
    if (isPromise(loading)) {
      loading.then(
        (table) => this.#tables.set(ownership, table),
        () => this.#tables.delete(ownership),
      )
    }
    return loading
  }
}

/** Names a key of one handler in a table. */
export function nameOf(handler: string, key: string): string {
  return `${handler}\n${key}`
}

export type LetterOfKey = DeadLetter & { readonly message: { readonly key: string } }

/** Those of a group and destination whose key keeps its order, oldest first. */
export function lettersOfKeys(
  settings: LettersOfKeysSettings,
  filter: { readonly handler?: string; readonly key?: string },
): Awaitable<readonly LetterOfKey[]> {
  const { group, destination, store, insist } = settings
  const found: LetterOfKey[] = []
  const collect = (from: string | undefined): Awaitable<readonly LetterOfKey[]> =>
    after(
      insist(() => store.list({ ...filter, group }, { limit: 500, after: from })),
      ({ letters, next }) => {
        for (const letter of letters)
          if (letter.keepsOrder === true && letter.destination === destination && isKeyed(letter)) found.push(letter)
        return next === undefined ? found : collect(next)
      },
    )
  return collect(undefined)
}

function isKeyed(letter: DeadLetter): letter is LetterOfKey {
  return letter.message.key !== undefined
}
