import type { Abortable, Awaitable } from './abortable.js'

/**
 * The keys that marked fields of events are encrypted with: one at a time for each subject, such as a user, so that forgetting the subject
 * makes what was ever stored of it unreadable, wherever it lies. Keep them apart from the events, and in the backups of neither.
 */
export interface IKeyStore {
  /** What a subject's fields are encrypted with from now on; made where there is none. All processes get the same one. */
  current(subject: string, options?: Abortable): Awaitable<EncryptionKey>
  /** Any key that ever was current, by its id. `forgotten` for good once its subject was; `undefined` where it never was one of this store. */
  get(id: string, options?: Abortable): Awaitable<EncryptionKey | 'forgotten' | undefined>
  /** A new current key. The ones before stay, as what they encrypted is not encrypted again. */
  rotate(subject: string, options?: Abortable): Awaitable<EncryptionKey>
  /** Destroys all keys of a subject. There is no way back. */
  forget(subject: string, options?: Abortable): Awaitable<void>
}

export interface EncryptionKey {
  /** Goes with every event, as text without a secret in it. */
  readonly id: string
  /** 32 bytes. */
  readonly bytes: Uint8Array
}
