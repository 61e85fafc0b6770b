import { randomBytes, randomUUID } from 'node:crypto'
import type { EncryptionKey, IKeyStore } from '@interline/core'

/** Keys that live as long as the process: for tests, and for what must not outlive it. */
export class MemoryKeyStore implements IKeyStore {
  readonly #keys = new Map<string, EncryptionKey | 'forgotten'>()
  /** By subject, the newest last. */
  readonly #ids = new Map<string, readonly string[]>()

  current(subject: string): EncryptionKey {
    const newest = this.#keys.get(this.#ids.get(subject)?.at(-1) ?? '')
    return newest === undefined || newest === 'forgotten' ? this.rotate(subject) : newest
  }

  get(id: string): EncryptionKey | 'forgotten' | undefined {
    return this.#keys.get(id)
  }

  rotate(subject: string): EncryptionKey {
    const key: EncryptionKey = { id: randomUUID(), bytes: randomBytes(32) }
    this.#keys.set(key.id, key)
    this.#ids.set(subject, [...(this.#ids.get(subject) ?? []), key.id])
    return key
  }

  forget(subject: string): void {
    for (const id of this.#ids.get(subject) ?? []) this.#keys.set(id, 'forgotten')
    this.#ids.delete(subject)
  }
}
