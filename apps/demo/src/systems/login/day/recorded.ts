import { isDeepStrictEqual } from 'node:util'
import type { RecordedEvent } from 'interline'

/** In any order, each as often. */
export function same(some: readonly string[], others: readonly string[]): boolean {
  return isDeepStrictEqual([...some].sort(), [...others].sort())
}

export function idOf({ message }: RecordedEvent): string {
  return message.attributes.id ?? ''
}

export function typeOf({ message }: RecordedEvent): string {
  return message.attributes.type ?? ''
}
