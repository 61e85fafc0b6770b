import type { BrokerContext } from './context.js'
import type { Partition, SourceStream } from './partition.js'
import { type TextFields, textFields } from './redis-message.js'
import { claimScript } from './scripts/index.js'

/** A pending entry that this consumer has now. */
export interface ClaimedEntry {
  readonly stream: SourceStream
  readonly fence: string
  readonly id: string
  /** How often it was handed out, this time included. */
  readonly deliveries: number
  readonly fields: TextFields
  /** Noted progress, or ''. */
  readonly noted: string
}

export interface ClaimPass {
  readonly entries: readonly ClaimedEntry[]
  /** All streams were looked through to their ends. */
  readonly finished: boolean
  /** Streams whose lease is gone. */
  readonly lost: readonly Partition[]
  /** Pending entries that are no longer in their stream, by stream. */
  readonly gone: readonly { readonly stream: SourceStream; readonly count: number }[]
}

type Answer = [finished: number, cursor: string, entries: [string, number, string[], string][], gone: string[]] | null

/**
 * Goes on through the pending entries of the streams from their cursors. `own`: what this consumer already has; `idle`: what others have
 * left alone for `claimIdleMs`; `all`: everything, which only the owner of a lease may do.
 */
export async function claimPending(
  context: BrokerContext,
  mode: 'own' | 'idle' | 'all',
  streams: readonly SourceStream[],
  room: number,
  member: { readonly group: string; readonly consumer: string },
): Promise<ClaimPass> {
  const parts = context.control.split(streams, ({ key }) => key)
  const share = Math.ceil(room / Math.max(1, parts.length))
  const passes = await Promise.all(parts.map((part) => claimFrom(context, mode, part, share, member)))
  return {
    entries: passes.flatMap(({ entries }) => entries),
    finished: passes.every(({ finished }) => finished),
    lost: passes.flatMap(({ lost }) => lost),
    gone: passes.flatMap(({ gone }) => gone),
  }
}

/** Streams of one slot. */
async function claimFrom(
  context: BrokerContext,
  mode: 'own' | 'idle' | 'all',
  streams: readonly SourceStream[],
  room: number,
  { group, consumer }: { readonly group: string; readonly consumer: string },
): Promise<ClaimPass> {
  const keys: string[] = []
  const values = [group, consumer, mode, String(context.options.claimIdleMs), String(room)]
  const fences = streams.map((stream) => stream.partition.fence)
  streams.forEach((stream, index) => {
    keys.push(stream.key, stream.partition.notes, stream.partition.leaseKey)
    values.push(fences[index] ?? '', stream.cursor)
  })
  const answers = (await context.control.at(keys[0] ?? '').run((client) => claimScript.run(client, keys, values))) as Answer[]
  const entries: ClaimedEntry[] = []
  const lost: Partition[] = []
  const gone: { stream: SourceStream; count: number }[] = []
  let finished = true
  streams.forEach((stream, index) => {
    const answer = answers[index]
    if (answer === undefined || answer === null) {
      lost.push(stream.partition)
      return
    }
    const [ended, cursor, found, missing] = answer
    if (ended === 0) finished = false
    // lost and taken again meanwhile, it is looked through from its beginning
    if (stream.partition.fence === fences[index]) stream.cursor = cursor
    for (const [id, deliveries, fields, noted] of found) {
      entries.push({ stream, fence: fences[index] ?? '', id, deliveries: Number(deliveries), fields: textFields(fields), noted })
    }
    if (missing.length > 0) gone.push({ stream, count: missing.length })
  })
  return { entries, finished, lost, gone }
}
