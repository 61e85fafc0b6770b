import type { HealthReport } from 'interline'
import { type Check, check } from '../../report/check.js'
import { breaker } from './consumers.js'
import type { Outcome } from './outcome.js'

export const alertNames: readonly string[] = ['HighOutboxQueue', 'EventProcessingFailure', 'HighLatency', 'ConsumerLag']

/** What has to be true at the end of the day. */
export function checksOf(outcome: Outcome): readonly Check[] {
  const { expected, books, report, hubTraceIds, deadLetters, during, after } = outcome
  const { balances, refused, events, wallets, deposits, transfers, rates } = expected
  const off = [...balances].filter(([wallet, balance]) => books.balances[wallet] !== balance || (report.balances[wallet] ?? 0) !== balance)
  const leaked = books.correlations.filter((id) => refused.includes(id))
  const strangers = report.traceIds.filter((id) => !hubTraceIds.includes(id))
  const effects = [
    ['notifications', report.notifications, wallets, wallets],
    ['statements', report.statements, deposits + transfers, deposits + 2 * transfers],
  ] as const
  const wrong = effects.filter(([, found, ofEvents, count]) => found.events !== ofEvents || found.effects !== count)
  const wrongRates = [...rates].filter(([currency, rate]) => report.rates[currency] !== rate)
  const missingAlerts = alertNames.filter((name) => !during.alerts.includes(name))
  return [
    check('balances add up, in wallets and in statements', off.length === 0, `off: ${off.map(([wallet]) => wallet).join(', ')}`),
    check(
      'what was rolled back left no transfer and no event',
      leaked.length === 0 && books.transfers === transfers,
      `${books.transfers} transfers, events of ${leaked}`,
    ),
    check(
      'the outbox is empty, and every event was sent',
      books.unsent === 0 && books.sent === events + expected.sentAgain,
      `${books.unsent} wait, ${books.sent} of ${events + expected.sentAgain} sent`,
    ),
    check("each event reached each consumer's effect once", wrong.length === 0, JSON.stringify(wrong)),
    check('the clearing house settled every transfer', report.settlements === transfers, `${report.settlements} of ${transfers}`),
    check(
      'while it was away it was asked by probes only, once the breaker was open',
      report.refused <= breaker.failures + report.probes,
      `${report.refused} refused calls and ${report.probes} probes`,
    ),
    check('the newest rate of each currency is known', wrongRates.length === 0, `${wrongRates.length} are not`),
    check('one transfer was dead, and is redriven', deadLetters.before === 1 && deadLetters.after === 0, JSON.stringify(deadLetters)),
    check(
      'both sides are in the same traces',
      report.runTraces > 0 && report.traceIds.length > 0 && strangers.length === 0,
      `${strangers.length} of ${report.traceIds.length} traces did not begin here`,
    ),
    check('the four alerts fired in the bad hour', missingAlerts.length === 0, `missing: ${missingAlerts.join(', ')}`),
    check('and ended after it', after.alerts.length === 0, `still: ${after.alerts.join(', ')}`),
    check(
      'health said what was wrong',
      warned(during.hub, 'postgres:outbox') && warned(during.consumers, 'clearing-house:circuit') && warned(during.consumers, ':lag'),
      `${warnings(during.hub)}; ${warnings(during.consumers)}`,
    ),
    check(
      'and was well after it',
      after.hub.status === 'pass' && after.consumers.status === 'pass',
      `${warnings(after.hub)}; ${warnings(after.consumers)}`,
    ),
  ]
}

function warned({ checks }: HealthReport, name: string): boolean {
  return Object.entries(checks).some(([each, found]) => each.endsWith(name) && found.some(({ status }) => status !== 'pass'))
}

function warnings({ checks }: HealthReport): string {
  return Object.entries(checks)
    .flatMap(([name, found]) => found.flatMap(({ status, output }) => (status === 'pass' ? [] : [`${name}: ${output ?? status}`])))
    .join(', ')
}
