import { Saga, type SagaContext } from '@interline/domain'
import type { ScoringRequest } from './aggregates/ai-result.js'
import { riskOf } from './model/risk.js'
import type { Repositories } from './repositories.js'

/** What is stored of a scoring under way. */
export interface ScoringData extends ScoringRequest {
  /** Of the price feed, at the end of the month. */
  readonly feedVersion: number
}

/** Scores a month: says that it will, records what it computes from, computes. Where that fails, both are undone. */
export class AIScoringSaga extends Saga<ScoringData> {
  static readonly type = 'AIScoringSaga'
  readonly #repositories: Repositories

  constructor(id: string, data: ScoringData, repositories: Repositories) {
    super(id, AIScoringSaga.type, data)
    this.#repositories = repositories
  }

  protected defineSteps(): void {
    const { results, oracle } = this.#repositories
    const id = this.sagaId

    this.addStep(
      'create result',
      () => results.update(id, (result) => result.execute({ create: this.#request })),
      (context) => results.update(id, (result) => result.execute({ fail: { reason: whyOf(context) } })),
    )

    this.addStep(
      'record snapshot',
      () => this.#recordSnapshot(),
      (context) => oracle.update(id, (snapshot) => snapshot.execute({ release: { reason: whyOf(context) } })),
    )

    this.addStep('score', () => this.#score())
  }

  get #request(): ScoringRequest {
    const { symbol, month, requestedBy } = this.data
    return { symbol, month, requestedBy }
  }

  /** Of the feed as it was, whatever came after. */
  async #recordSnapshot(): Promise<void> {
    const { symbol, month, feedVersion } = this.data
    const { state } = await this.#repositories.feeds.load(symbol, { version: feedVersion })
    const record = { symbol, month, feedVersion, closes: state.monthCloses }
    await this.#repositories.oracle.update(this.sagaId, (snapshot) => snapshot.execute({ record }))
  }

  async #score(): Promise<void> {
    const { state } = await this.#repositories.oracle.load(this.sagaId)
    const risk = riskOf(state.status === 'recorded' ? state.closes : [])
    await this.#repositories.results.update(this.sagaId, (result) => result.execute({ complete: { risk } }))
  }
}

function whyOf({ reason }: SagaContext): string {
  return reason?.message ?? 'unknown'
}
