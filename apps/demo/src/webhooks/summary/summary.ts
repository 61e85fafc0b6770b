import type { WebhookArguments } from '../../arguments.js'
import { type Check, problemsOf } from '../../report/check.js'
import type { DeadLetterStory } from '../dead-letters.js'
import { durableHandlers, handlerNames } from '../handlers/subscriptions.js'
import { LatencyHistogram } from '../ledger/latency-histogram.js'
import type { LedgerContents } from '../ledger/ledger.js'
import type { Plan } from '../plan.js'
import { sum } from '../progress-watch.js'
import type { Sent } from '../publishing.js'
import { checksOf, missing } from './checks.js'

/** All that is known when a run is over. */
export interface Outcome {
  readonly options: WebhookArguments
  readonly plan: Plan
  readonly sent: Sent
  readonly contents: LedgerContents
  readonly story: DeadLetterStory
  readonly deadLettersLeft: number
  readonly accepted: number
  /** Ids of what the store holds; `undefined` where there is none. */
  readonly stored: readonly string[] | undefined
  readonly workersDied: number
  readonly interrupted: boolean
  /** From the first publish until everything was handled but what was made to fail. */
  readonly durationMs: number
}

export interface HandlerRow {
  readonly handler: string
  readonly handled: number
  readonly retried: number
  readonly duplicates: number
  readonly deadLettered: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** What `--json` prints. */
export interface SummaryFigures {
  /** Events; those sent twice count once. */
  readonly published: number
  /** Events handled, summed over the handlers. */
  readonly handled: number
  readonly retried: number
  /** Second sendings that were dropped, summed over the handlers. */
  readonly duplicates: number
  readonly deadLettered: number
  readonly redriven: number
  /** Events that some handler wanted and never handled. */
  readonly lost: number
  readonly broker: string
  readonly store: string
  /** From publish until handled, over the handlers that consume from the broker. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly eventsPerSecond: number
  readonly durationMs: number
  readonly sentTwice: number
  readonly workers: number
  readonly workersDied: number
  readonly interrupted: boolean
  readonly handlers: readonly HandlerRow[]
  /** What does not add up; empty where everything does. */
  readonly problems: readonly string[]
}

export interface Summary {
  readonly figures: SummaryFigures
  readonly checks: readonly Check[]
  readonly outcome: Outcome
}

export function summarize(outcome: Outcome): Summary {
  const { options, sent, contents, story, durationMs, workersDied, interrupted } = outcome
  const checks = checksOf(outcome)
  const handlers = handlerNames.map((handler) => rowOf(outcome, handler))
  const durable = new LatencyHistogram()
  for (const handler of durableHandlers) durable.addAll(contents.latencies.get(handler) ?? new LatencyHistogram())
  const published = sent.deliveries.size
  return {
    outcome,
    checks,
    figures: {
      published,
      handled: handlers.reduce((total, { handled }) => total + handled, 0),
      retried: sum(contents.retried),
      duplicates: sum(contents.duplicates),
      deadLettered: story.found.length,
      redriven: story.redriven,
      lost: new Set(handlerNames.flatMap((handler) => missing(outcome, handler))).size,
      broker: options.broker,
      store: options.store ?? 'none',
      p50Ms: rounded(durable.percentile(0.5)),
      p99Ms: rounded(durable.percentile(0.99)),
      eventsPerSecond: Math.round((published / durationMs) * 1_000),
      durationMs: Math.round(durationMs),
      sentTwice: sent.twice.length,
      workers: options.workers,
      workersDied,
      interrupted,
      handlers,
      problems: problemsOf(checks),
    },
  }
}

function rowOf({ contents, story }: Outcome, handler: string): HandlerRow {
  const latencies = contents.latencies.get(handler) ?? new LatencyHistogram()
  return {
    handler,
    handled: contents.handled.get(handler)?.length ?? 0,
    retried: contents.retried.get(handler) ?? 0,
    duplicates: contents.duplicates.get(handler) ?? 0,
    deadLettered: story.found.filter((letter) => letter.handler === handler).length,
    p50Ms: rounded(latencies.percentile(0.5)),
    p99Ms: rounded(latencies.percentile(0.99)),
  }
}

function rounded(durationMs: number): number {
  return Number(durationMs.toPrecision(3))
}
