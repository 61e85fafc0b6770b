/** What may become of an entry. It leaves the table when it was published. */
export const entryState = {
  /** Published as soon as its turn comes. */
  ready: 0,
  /** Failed, and is tried again when it is due; what follows it with the same key, or to the same destination, waits. */
  failed: 1,
  /** Waits behind a failed one. */
  behind: 2,
  /** Given up: waits for a person. */
  dead: 3,
} as const

export type EntryState = (typeof entryState)[keyof typeof entryState]

/** Keys are spread over so many partitions, each of which one relay has at a time. More relays than that are idle. */
export const partitionCount = 32

/** The partition of a key: the same in every process, and of every version of this package. */
export function partitionOf(text: string): number {
  // FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return (hash >>> 0) % partitionCount
}
