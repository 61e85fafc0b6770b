import { DecodeError } from '../errors.js'

/**
 * What travels with a message that is not finished: which handlers of the group still have to run, how many attempts each has begun,
 * and when they are due. The one attempt counter.
 */
export interface Progress {
  /** When the first handler of the group was first run, in milliseconds since 1970. */
  readonly firstAttemptAt: number
  readonly handlers: ReadonlyMap<string, HandlerProgress>
  /** Where a redrive sent it and its key's order is kept: the dead letter that it is a copy of, or '' where it only brings news. */
  readonly letter?: string | undefined
  /** Where it is a copy of an event that gave up its place while its key waited. */
  readonly parked?: ParkedCopy | undefined
}

/** Which event it is a copy of, by its letter, and after how many attempts that was put there. */
export interface ParkedCopy {
  readonly id: string
  readonly turn: number
}

export interface HandlerProgress {
  readonly started: number
  /** Milliseconds since 1970 before which it must not run again. */
  readonly dueAt: number
}

/** Stands for every handler of the group: used for what could not be read far enough to know who wants it. */
export const everyHandler = '*'

type Encoded = {
  first: number
  handlers: Record<string, [started: number, dueAt: number]>
  letter?: string | undefined
  parked?: ParkedCopy | undefined
}

export function encodeProgress(progress: Progress): string {
  const handlers = Object.fromEntries(
    [...progress.handlers].map(([name, { started, dueAt }]) => [name, [started, Math.ceil(dueAt)] as [number, number]]),
  )
  const { firstAttemptAt: first, letter, parked } = progress
  return JSON.stringify({ first, handlers, letter, parked } satisfies Encoded)
}

/** As if nothing had been tried yet, for one handler alone. */
export function redrivenProgress(handler: string, letter?: string): string {
  return encodeProgress({ firstAttemptAt: 0, handlers: new Map([[handler, { started: 0, dueAt: 0 }]]), letter })
}

export function decodeProgress(text: string): Progress {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new DecodeError('The progress kept with this message is not JSON.', { cause })
  }
  if (!isEncoded(value)) throw new DecodeError('The progress kept with this message has another shape than this version writes.')
  const handlers = Object.entries(value.handlers).map(([name, [started, dueAt]]) => [name, { started, dueAt }] as const)
  return { firstAttemptAt: value.first, handlers: new Map(handlers), letter: value.letter, parked: value.parked }
}

function isEncoded(value: unknown): value is Encoded {
  if (typeof value !== 'object' || value === null) return false
  const { first, handlers, letter, parked } = value as Partial<Encoded>
  return (
    typeof first === 'number' &&
    (letter === undefined || typeof letter === 'string') &&
    (parked === undefined || isParkedCopy(parked)) &&
    typeof handlers === 'object' &&
    handlers !== null &&
    Object.values(handlers).every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(Number.isSafeInteger))
  )
}

function isParkedCopy(value: unknown): value is ParkedCopy {
  if (typeof value !== 'object' || value === null) return false
  const { id, turn } = value as Partial<ParkedCopy>
  return typeof id === 'string' && Number.isSafeInteger(turn)
}
