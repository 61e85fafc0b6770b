import { isInterlineError, type OutboxOutlet, PublishError, toError, type WireMessage } from '@interline/core'
import type { TakenEntry } from './taken-entry.js'

/** What became of the entries of one destination. */
export interface Dispatched {
  readonly published: TakenEntry[]
  /** Not taken, each for a reason of its own. `final`: it will never be. */
  readonly failed: { readonly entry: TakenEntry; readonly error: Error; readonly final: boolean }[]
  /** Not tried, as an earlier one of their key failed. */
  readonly behind: TakenEntry[]
  /** The destination takes nothing, though the broker is well. */
  refused: { readonly entries: readonly TakenEntry[]; readonly error: Error } | undefined
  /** The broker is not well: nobody's fault, and nothing is counted. */
  outage: Error | undefined
}

/** So many different keys are tried one by one before a destination counts as refused. */
const tries = 3

/** Publishes entries of one destination in order, and finds out which of them the broker does not take. */
export async function dispatch(outlet: OutboxOutlet, entries: readonly TakenEntry[]): Promise<Dispatched> {
  const result: Dispatched = { published: [], failed: [], behind: [], refused: undefined, outage: undefined }
  await attempt(outlet, checked(outlet, entries, result), result)
  return result
}

/** Without what can never be published. */
function checked(outlet: OutboxOutlet, entries: readonly TakenEntry[], result: Dispatched): TakenEntry[] {
  return entries.filter((entry) => {
    const { message } = entry
    try {
      if (message instanceof Error) throw message
      outlet.check(message)
      return true
    } catch (thrown) {
      const error = toError(thrown)
      result.failed.push({ entry, error, final: isFinal(error) })
      return false
    }
  })
}

async function attempt(outlet: OutboxOutlet, entries: readonly TakenEntry[], result: Dispatched): Promise<void> {
  const error = await publish(outlet, entries, result)
  if (error === undefined) return
  const failed = error instanceof PublishError ? error.failed : undefined
  if (failed !== undefined && failed.length > 0 && failed.length < entries.length) return divide(entries, new Set(failed), error, result)
  if (!(await isWell(outlet))) {
    result.outage = error
    return
  }
  await oneByOne(outlet, entries, error, result)
}

/** The broker has told which it did not take. */
function divide(entries: readonly TakenEntry[], failed: ReadonlySet<number>, error: Error, result: Dispatched): void {
  for (const [index, entry] of entries.entries()) {
    if (!failed.has(index)) result.published.push(entry)
    else if (isBehind(entry, result)) result.behind.push(entry)
    else result.failed.push({ entry, error, final: false })
  }
}

/** A few of different keys alone; where all of them fail it is the destination, else the rest is halved until those are found that fail. */
async function oneByOne(outlet: OutboxOutlet, entries: readonly TakenEntry[], first: Error, result: Dispatched): Promise<void> {
  const alone = firstOfKeys(entries, tries)
  const failures: Error[] = []
  const before = result.failed.length
  for (const entry of alone) {
    const error = entries.length === 1 ? first : await publish(outlet, [entry], result)
    if (error === undefined) continue
    failures.push(error)
    result.failed.push({ entry, error, final: isFinal(error) })
  }
  const [error] = failures
  if (error !== undefined && failures.length === alone.length && !isFinal(error)) {
    result.failed.length = before
    if (await isWell(outlet)) result.refused = { entries, error }
    else result.outage = error
    return
  }
  const tried = new Set(alone)
  await halve(
    outlet,
    entries.filter((entry) => !tried.has(entry)),
    result,
  )
}

async function halve(outlet: OutboxOutlet, given: readonly TakenEntry[], result: Dispatched): Promise<void> {
  const entries = given.filter((entry) => {
    if (!isBehind(entry, result)) return true
    result.behind.push(entry)
    return false
  })
  if (entries.length === 0 || result.outage !== undefined) return
  const error = await publish(outlet, entries, result)
  if (error === undefined) return
  const [only] = entries
  if (only !== undefined && entries.length === 1) {
    if (await isWell(outlet)) result.failed.push({ entry: only, error, final: isFinal(error) })
    else result.outage = error
    return
  }
  const middle = Math.ceil(entries.length / 2)
  await halve(outlet, entries.slice(0, middle), result)
  await halve(outlet, entries.slice(middle), result)
}

async function publish(outlet: OutboxOutlet, entries: readonly TakenEntry[], { published }: Dispatched): Promise<Error | undefined> {
  if (entries.length === 0) return undefined
  try {
    await outlet.publish(entries.map(({ message }) => message as WireMessage))
    for (const entry of entries) published.push(entry)
    return undefined
  } catch (thrown) {
    return toError(thrown)
  }
}

const finalCodes: ReadonlySet<string> = new Set(
  ['EVENT_TOO_LARGE', 'UNSUPPORTED', 'ENCODE', 'DECODE', 'INVALID_EVENT', 'VALIDATION'].map((name) => `INTERLINE_${name}`),
)

/** What stays wrong however often it is tried: the event's own fault. A broker that was closed is no event's. */
function isFinal(error: Error): boolean {
  return isInterlineError(error) && finalCodes.has(error.code)
}

async function isWell(outlet: OutboxOutlet): Promise<boolean> {
  try {
    return (await outlet.health()).status !== 'fail'
  } catch {
    // A broker that can't say how it is, is not well.
    return false
  }
}

function isBehind({ key }: TakenEntry, { failed }: Dispatched): boolean {
  return key !== undefined && failed.some(({ entry, final }) => !final && entry.key === key)
}

function firstOfKeys(entries: readonly TakenEntry[], count: number): readonly TakenEntry[] {
  const keys = new Set<string>()
  const found: TakenEntry[] = []
  for (const entry of entries) {
    if (entry.key !== undefined && keys.has(entry.key)) continue
    if (entry.key !== undefined) keys.add(entry.key)
    found.push(entry)
    if (found.length === count) break
  }
  return found
}
