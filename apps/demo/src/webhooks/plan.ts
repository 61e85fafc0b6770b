import { randomUUID } from 'node:crypto'
import { areaOf, githubEvent, rankOf } from './events.js'
import { durableHandlers, type HandlerName, handlerNames, tickerName } from './handlers/subscriptions.js'
import { type Example, type Kind, mixedExamples, type Payload, subjectOf } from './payloads.js'

/** One delivery of GitHub's. */
export interface Planned {
  /** GitHub's name for it, which a second sending has too. */
  readonly delivery: string
  readonly kind: Kind
  readonly event: object
  /** Sent a second time: the same event at once, or later as an event with another id. */
  readonly twice: 'same event' | 'redelivered' | undefined
}

/** A word that the audit does not know until somebody teaches it. */
export const strangeSeverity = 'existential'

const oneInThisManyIsSentTwice = 12

/** What a run publishes, and what has to come of it. */
export class Plan {
  readonly size: number
  /** The delivery that the activity feed stumbles over, and recovers. */
  readonly shaky: string = randomUUID()
  /** The delivery that the audit can't judge. */
  readonly poison: string = randomUUID()
  readonly #examples: readonly Example[]
  readonly #shakyAt: number
  readonly #poisonAt: number

  constructor(size: number | undefined) {
    this.#examples = mixedExamples(rankOf)
    this.size = size ?? this.#examples.length
    const first = this.#examples.slice(0, this.size)
    this.#poisonAt = first.findIndex(({ kind }) => kind === 'security_advisory')
    this.#shakyAt = rarest(first, (index) => index !== this.#poisonAt)
  }

  get hasPoison(): boolean {
    return this.#poisonAt !== -1
  }

  get hasShaky(): boolean {
    return this.#shakyAt !== -1
  }

  at(index: number): Planned {
    const { kind, payload } = this.#examples[index % this.#examples.length] as Example
    const special = index === this.#poisonAt || index === this.#shakyAt
    const delivery = index === this.#poisonAt ? this.poison : index === this.#shakyAt ? this.shaky : randomUUID()
    const data = index === this.#poisonAt ? withSeverity(payload, strangeSeverity) : payload
    const isTwice = !special && index % oneInThisManyIsSentTwice === oneInThisManyIsSentTwice - 1
    const twice = isTwice ? (index % (2 * oneInThisManyIsSentTwice) < oneInThisManyIsSentTwice ? 'same event' : 'redelivered') : undefined
    return { delivery, kind, event: githubEvent(kind, data, { idempotencyKey: delivery }), twice }
  }

  /** The same delivery as a new event: GitHub's "Redeliver" button. */
  again({ delivery, kind, event }: Planned): object {
    return githubEvent(kind, (event as { readonly data: Payload }).data, { idempotencyKey: delivery })
  }
}

/** Which handlers have to handle events of a kind. */
export function handlersOf(kind: Kind): readonly HandlerName[] {
  if (areaOf(kind) === 'security') return handlerNames
  return durableHandlers.filter((name) => name !== 'security-audit')
}

export function isAlert(kind: Kind): boolean {
  return handlersOf(kind).includes(tickerName)
}

/** The one whose subject has the fewest events: while it is tried again, little has to wait behind it. */
function rarest(examples: readonly Example[], allowed: (index: number) => boolean): number {
  const subjects = examples.map(({ payload }) => subjectOf(payload))
  const times = new Map<string | undefined, number>()
  for (const subject of subjects) times.set(subject, (times.get(subject) ?? 0) + 1)
  const indexes = subjects.map((_, index) => index).filter(allowed)
  indexes.sort((one, other) => (times.get(subjects[one]) ?? 0) - (times.get(subjects[other]) ?? 0))
  return indexes[0] ?? -1
}

function withSeverity(payload: Payload, severity: string): Payload {
  const { security_advisory: advisory } = payload
  if (advisory === undefined) throw new Error('Only an advisory has a severity of its own.')
  return { ...payload, security_advisory: Object.assign({}, advisory, { severity }) }
}
