import { deflateRawSync, inflateRawSync } from 'node:zlib'

/** What is committed beside an offset: all that the next owner must know of what lies behind it. */
export interface CommitState {
  /** Settled ahead of the committed offset. */
  readonly done: readonly number[]
  /** Everything below this may have been handed out by an owner that gave no account of it. */
  readonly doubtfulBelow: number
  /** Handed out, and not known how it ended, where the owner did give its account. */
  readonly doubtful: readonly number[]
  readonly notes: ReadonlyMap<number, string>
}

export const nothingKept: CommitState = { done: [], doubtfulBelow: 0, doubtful: [], notes: new Map() }

/** Kafka's default for `offset.metadata.max.bytes`. */
export const maxMetadataLength = 4_096
const mark = 'interline/1 '

interface Encoded {
  readonly b?: number
  readonly d?: string
  readonly o?: string
  readonly n?: string
}

/**
 * Notes are packed; where they still don't fit, the oldest are left out: their events are never lost, but would count their attempts
 * anew after a crash. The last one noted is the next to run, so that an event which ends its process always finds its own.
 */
export function encodeState(offset: number, state: CommitState): string {
  const notes = [...state.notes]
  const base: Encoded = {
    ...(state.doubtfulBelow > offset ? { b: state.doubtfulBelow - offset } : {}),
    ...(state.done.length > 0 ? { d: bitmap(offset, state.done) } : {}),
    ...(state.doubtful.length > 0 ? { o: bitmap(offset, state.doubtful) } : {}),
  }
  if (notes.length === 0) return Object.keys(base).length === 0 ? '' : mark + JSON.stringify(base)
  for (let from = 0; ; from += Math.max(1, Math.ceil((notes.length - from) / 8))) {
    const kept = notes.slice(from).map(([at, text]) => [at - offset, text])
    const text = mark + JSON.stringify(kept.length === 0 ? base : { ...base, n: packed(JSON.stringify(kept)) })
    if (text.length <= maxMetadataLength || kept.length === 0) return text
  }
}

/** What somebody else committed, or nobody, says nothing. */
export function decodeState(offset: number, metadata: string): CommitState {
  if (!metadata.startsWith(mark)) return nothingKept
  try {
    const { b = 0, d = '', o = '', n } = JSON.parse(metadata.slice(mark.length)) as Encoded
    const notes = n === undefined ? [] : (JSON.parse(unpacked(n)) as [number, string][])
    return {
      done: offsetsOf(offset, d),
      doubtfulBelow: offset + b,
      doubtful: offsetsOf(offset, o),
      notes: new Map(notes.map(([at, text]) => [offset + at, text])),
    }
  } catch {
    // written by a later version, or by chance: nothing is known, and everything comes again
    return nothingKept
  }
}

function bitmap(offset: number, offsets: readonly number[]): string {
  const length = offsets.reduce((most, each) => Math.max(most, each), offset) - offset + 1
  const bits = Buffer.alloc(Math.ceil(length / 8))
  for (const each of offsets) {
    const at = each - offset
    if (at >= 0) bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7))
  }
  return bits.toString('base64')
}

function offsetsOf(offset: number, text: string): readonly number[] {
  const bits = Buffer.from(text, 'base64')
  const offsets: number[] = []
  for (let at = 0; at < bits.length * 8; at++) if (((bits[at >> 3] ?? 0) >> (at & 7)) & 1) offsets.push(offset + at)
  return offsets
}

function packed(text: string): string {
  return deflateRawSync(text).toString('base64')
}

function unpacked(text: string): string {
  return inflateRawSync(Buffer.from(text, 'base64')).toString()
}
