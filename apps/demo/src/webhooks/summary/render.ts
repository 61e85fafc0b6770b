import type { Display } from '../../display.js'
import { checkLine } from '../../report/check.js'
import { milliseconds, titled } from '../../report/section.js'
import { counted, table } from '../../report/table.js'
import { severities } from '../handlers/severity-scale.js'
import { handlerNames } from '../handlers/subscriptions.js'
import type { Outcome, Summary, SummaryFigures } from './summary.js'

type Paint = Display['paint']

const frequent = 12
const newest = 4

/** The summary for a person. */
export function render({ figures, checks, outcome }: Summary, paint: Paint): string {
  const sections = [
    heading(figures, paint),
    titled('By event type and handler', typeTable(outcome), paint),
    titled('By handler', handlerTable(figures), paint),
    titled('Activity, the newest', outcome.contents.lists.feed.slice(0, newest), paint),
    titled(`Security audit: ${severityLine(outcome)}`, outcome.contents.lists.findings.slice(0, newest), paint),
    titled('Statistics', statisticsLines(outcome), paint),
    titled('Dead letters', deadLetterLines(outcome), paint),
    titled(
      figures.problems.length === 0 ? 'It adds up' : 'It does not add up',
      checks.map((check) => checkLine(check, paint)),
      paint,
    ),
  ]
  return sections.filter((section) => section !== '').join('\n\n')
}

function heading(
  { published, durationMs, eventsPerSecond, broker, workers, p50Ms, p99Ms, interrupted }: SummaryFigures,
  paint: Paint,
): string {
  const where = workers > 0 ? `${broker}, ${workers} worker${workers === 1 ? '' : 's'}` : broker
  const end = interrupted ? ', interrupted and drained' : ''
  const first = `${published.toLocaleString('en')} GitHub events through a hybrid bus (${where})${end}`
  const speed = `${eventsPerSecond.toLocaleString('en')} events/s over ${milliseconds(durationMs)}`
  return `${paint('bold', first)}\n${speed} · publish to handled p50 ${milliseconds(p50Ms)}, p99 ${milliseconds(p99Ms)}`
}

function typeTable({ sent, contents, options }: Outcome): readonly string[] {
  const byKind = new Map<string, { events: number; handled: number[] }>()
  const rowOf = (kind: string) => {
    const row = byKind.get(kind) ?? { events: 0, handled: handlerNames.map(() => 0) }
    byKind.set(kind, row)
    return row
  }
  for (const { kind } of sent.deliveries.values()) rowOf(kind).events++
  handlerNames.forEach((handler, column) => {
    for (const delivery of contents.handled.get(handler) ?? []) {
      const kind = sent.deliveries.get(delivery)?.kind
      if (kind !== undefined) rowOf(kind).handled[column] = (rowOf(kind).handled[column] ?? 0) + 1
    }
  })
  const sorted = [...byKind].sort(([, one], [, other]) => other.events - one.events)
  const rows = options.all || sorted.length <= frequent + 1 ? sorted : [...sorted.slice(0, frequent), merged(sorted.slice(frequent))]
  const cells = rows.map(([kind, { events, handled }]) => [kind, counted(events), ...handled.map(counted)])
  return table(['event type', 'events', ...handlerNames], cells)
}

type KindRow = [string, { events: number; handled: number[] }]

function merged(rows: readonly KindRow[]): KindRow {
  const events = rows.reduce((total, [, row]) => total + row.events, 0)
  const handled = handlerNames.map((_, column) => rows.reduce((total, [, row]) => total + (row.handled[column] ?? 0), 0))
  return [`${rows.length} more types (--all)`, { events, handled }]
}

function handlerTable({ handlers }: SummaryFigures): readonly string[] {
  const rows = handlers.map(({ handler, handled, retried, duplicates, deadLettered, p50Ms, p99Ms }) => [
    handler,
    ...[handled, retried, duplicates, deadLettered].map(counted),
    milliseconds(p50Ms),
    milliseconds(p99Ms),
  ])
  return table(['handler', 'handled', 'retried', 'duplicates', 'dead', 'p50', 'p99'], rows)
}

function severityLine({ contents }: Outcome): string {
  return severities.map((severity) => `${(contents.counts.get(`severity ${severity}`) ?? 0).toLocaleString('en')} ${severity}`).join(', ')
}

function statisticsLines({ contents }: Outcome): readonly string[] {
  const top = (what: string): string =>
    [...contents.counts]
      .filter(([name]) => name.startsWith(`${what} `))
      .sort(([, one], [, other]) => other - one)
      .slice(0, newest)
      .map(([name, count]) => `${name.slice(what.length + 1)} ${count.toLocaleString('en')}`)
      .join(', ')
  return [`kinds         ${top('kind')}`, `repositories  ${top('repository')}`, `senders       ${top('sender')}`]
}

function deadLetterLines({ story }: Outcome): readonly string[] {
  return story.found.map(
    ({ handler, eventType, attempts, error }) =>
      `${handler} gave up a ${eventType} after ${attempts} attempts: ${error.message} Mended, then redriven.`,
  )
}
