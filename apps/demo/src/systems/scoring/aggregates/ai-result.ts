import { defineAggregate } from '@interline/domain'
import { AIResultCompleted, AIResultCreated, AIResultFailed } from '../events.js'

export interface ScoringRequest {
  readonly symbol: string
  readonly month: string
  readonly requestedBy: string
}

export type AIResultState =
  | { readonly status: 'unknown' }
  | ({ readonly status: 'created' } & ScoringRequest)
  | ({ readonly status: 'completed'; readonly risk: number } & ScoringRequest)
  | ({ readonly status: 'failed'; readonly reason: string } & ScoringRequest)

type AIResultCommand =
  | { readonly create: ScoringRequest }
  | { readonly complete: { readonly risk: number } }
  | { readonly fail: { readonly reason: string } }

/** One scoring. A command that comes again finds its work done. */
export const AIResult = defineAggregate('ai-result', {
  events: [AIResultCreated, AIResultCompleted, AIResultFailed],
  initial: { status: 'unknown' } as AIResultState,
  evolve: (_state, { type, data }): AIResultState => {
    switch (type) {
      case 'AIResultCreated':
        return { status: 'created', ...data }
      case 'AIResultCompleted':
        return { status: 'completed', ...data }
      case 'AIResultFailed':
        return { status: 'failed', ...data }
    }
  },
  decide: (command: AIResultCommand, state) => {
    if ('create' in command) return state.status === 'unknown' ? AIResultCreated(command.create) : undefined
    const wanted = 'complete' in command ? 'completed' : 'failed'
    if (state.status === wanted) return undefined
    if (state.status !== 'created') throw new Error(`A result that is ${state.status} can't be ${wanted}.`)
    const { symbol, month, requestedBy } = state
    const request = { symbol, month, requestedBy }
    return 'complete' in command ? AIResultCompleted({ ...request, ...command.complete }) : AIResultFailed({ ...request, ...command.fail })
  },
})
