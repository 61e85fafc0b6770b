import { BadRequestException, NotImplementedException } from '@nestjs/common'
import { type DeadLetter, type DeadLetterFilter, type DeadLetterReason, type DeadLetters, isInterlineError } from 'interline'

export type DeadLetterQuery = Readonly<Record<string, unknown>>

/** A dead letter without its data and its stack: who and why, not what. */
export type DeadLetterSummary = Omit<DeadLetter, 'message' | 'error'> & {
  readonly error: { readonly name: string; readonly message: string }
}

export interface DeadLetterPage {
  /** All that the filter fits, not only those of this page. */
  readonly count: number
  readonly letters: readonly DeadLetterSummary[]
  /** `?after=` of the next page. */
  readonly next: string | undefined
}

const filters = ['group', 'handler', 'topic', 'eventType', 'correlationId', 'reason'] as const
const known: readonly string[] = [...filters, 'limit', 'after']
const reasons: Readonly<Record<DeadLetterReason, true>> = {
  exhausted: true,
  rejected: true,
  invalid: true,
  undecodable: true,
  crashed: true,
  orphaned: true,
  parked: true,
  waiting: true,
}
const mostLetters = 1_000

/** Oldest first, as the bus lists them. */
export async function deadLetterPage(deadLetters: DeadLetters, query: DeadLetterQuery): Promise<DeadLetterPage> {
  const { limit, after, ...filter } = checked(query)
  try {
    const selection = filter as DeadLetterFilter
    const count = await deadLetters.count(selection)
    const { letters, next } = await deadLetters.list(selection, { limit: limit === undefined ? undefined : limitOf(limit), after })
    return { count, letters: letters.map(summaryOf), next }
  } catch (thrown) {
    if (isInterlineError(thrown) && thrown.code === 'INTERLINE_UNSUPPORTED') throw new NotImplementedException(thrown.message)
    throw thrown
  }
}

function checked(query: DeadLetterQuery): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(query)) {
    if (!known.includes(name)) throw new BadRequestException(`"${name}" is no filter of dead letters. There are: ${known.join(', ')}.`)
    if (typeof value !== 'string') throw new BadRequestException(`"${name}" was given several times, or not as text. Give it once.`)
  }
  const { reason } = query
  if (reason !== undefined && !Object.hasOwn(reasons, reason as string))
    throw new BadRequestException(`reason must be one of ${Object.keys(reasons).join(', ')}.`)
  return query as Readonly<Record<string, string>>
}

function limitOf(text: string): number {
  const limit = Number(text)
  if (Number.isInteger(limit) && limit >= 1 && limit <= mostLetters) return limit
  throw new BadRequestException(`limit must be a whole number from 1 to ${mostLetters}.`)
}

function summaryOf({ message: _data, error: { name, message }, ...letter }: DeadLetter): DeadLetterSummary {
  return { ...letter, error: { name, message } }
}
