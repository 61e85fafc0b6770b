import type { SagaManager, SagaView } from '@interline/domain'
import { type Check, check } from '../../../report/check.js'
import { AIScoringSaga } from '../ai-scoring-saga.js'
import type { ExistingResult } from '../existing-results.js'
import type { TradingMonth } from '../market/trading-days.js'
import { resultIdOf } from '../plan.js'
import type { Repositories } from '../repositories.js'
import { recomputedRisk } from './recomputed.js'

export interface Scored {
  /** Those that were asked for. */
  readonly months: readonly TradingMonth[]
  readonly existing: readonly ExistingResult[]
  readonly sagas: SagaManager
  readonly repositories: Repositories
}

/** Whether every scoring came to its end, and to the right one. */
export async function scoringChecks({ months, existing, sagas, repositories }: Scored): Promise<readonly Check[]> {
  const { sagas: views } = await sagas.list({ type: AIScoringSaga.type }, { limit: 1_000 })
  const completed = views.filter(({ status }) => status === 'completed')
  const compensated = views.filter(({ status }) => status === 'compensated')
  const ended = completed.length + compensated.length

  const asked = [...existing.map(({ month }) => month), ...months.map(({ month }) => month)]
  const wrong: string[] = []
  for (const month of asked) {
    const { state } = await repositories.results.load(resultIdOf(month))
    const risk = state.status === 'completed' ? state.risk : undefined
    if (risk !== recomputedRisk(month)) wrong.push(`${month}: ${risk}, not ${recomputedRisk(month)}`)
  }

  const tooShort = months.filter(({ month }) => recomputedRisk(month) === undefined).map(({ month }) => resultIdOf(month))
  const undone: string[] = []
  for (const saga of compensated) if (await isUndone(saga, repositories)) undone.push(saga.id)

  return [
    check(`${months.length} scorings began, and each is completed or compensated`, ended === months.length, `${ended} are`),
    check(
      `${asked.length} results are what another computation makes of the same prices`,
      wrong.length === 0,
      wrong.slice(0, 3).join('; '),
    ),
    check(
      `${tooShort.length} months are too short for the model: their third step failed, and the two before it were undone in reverse`,
      tooShort.length > 0 && undone.sort().join() === tooShort.join(),
      `undone are ${undone.join(', ') || 'none'}`,
    ),
  ]
}

/** By its history, and by what it left. */
async function isUndone({ id, history }: SagaView, { results, oracle }: Repositories): Promise<boolean> {
  const told = history.filter(({ what }) => what === 'failed' || what === 'undid').map(({ what, name }) => `${what} ${name}`)
  const { state: result } = await results.load(id)
  const { state: snapshot } = await oracle.load(id)
  return (
    told.join() === 'failed score,undid record snapshot,undid create result' && result.status === 'failed' && snapshot.status === 'released'
  )
}
