import { type Check, check } from '../../report/check.js'
import { stumbles } from '../handlers/activity-feed.js'
import { auditAttempts } from '../handlers/security-audit.js'
import { handlerNames } from '../handlers/subscriptions.js'
import { handlersOf } from '../plan.js'
import { sum } from '../progress-watch.js'
import type { Outcome } from './summary.js'

const shown = 3

/** Deliveries that a handler wants and has not handled. */
export function missing({ sent, contents }: Outcome, handler: string): readonly string[] {
  const handled = new Set(contents.handled.get(handler))
  return [...sent.deliveries.values()]
    .filter(({ delivery, kind }) => handlersOf(kind).some((name) => name === handler) && !handled.has(delivery))
    .map(({ delivery, kind }) => `${kind} ${delivery}`)
}

/** Whether everything adds up. A worker that was killed may leave a repeated run or an uncounted duplicate, but never a loss. */
export function checksOf(outcome: Outcome): readonly Check[] {
  const { sent, accepted, stored, workersDied, contents } = outcome
  const sends = sent.deliveries.size + sent.twice.filter(({ twice }) => stored === undefined || twice === 'redelivered').length
  return [
    ...(stored === undefined ? [] : [storedCheck(stored, sends)]),
    check(`the broker accepted ${amount(sends, 'sending')}`, accepted === sends, `it accepted ${accepted}`),
    ...handlerNames.map((handler) => handledCheck(outcome, handler)),
    exactly('duplicates dropped', sum(contents.duplicates), sum(sent.owedDuplicates), workersDied),
    exactly('retries', sum(contents.retried), plannedRetries(outcome), workersDied),
    ...deadLetterChecks(outcome),
  ]
}

/** The same event sent twice is one in the store, a redelivery two. */
function storedCheck(ids: readonly string[], expected: number): Check {
  const distinct = new Set(ids).size
  const says = `the store holds ${amount(expected, 'event')}, each once`
  return check(says, ids.length === expected && distinct === expected, `it holds ${ids.length}, of which ${distinct} differ`)
}

function handledCheck(outcome: Outcome, handler: string): Check {
  const { sent, contents, workersDied } = outcome
  const owed = sent.owed.get(handler) ?? 0
  const lost = missing(outcome, handler)
  const strange = (contents.handled.get(handler) ?? []).filter((delivery) => !sent.deliveries.has(delivery)).length
  const repeated = contents.repeated.get(handler) ?? 0
  const faults = [
    ...(lost.length > 0 ? [`${lost.length} never handled: ${lost.slice(0, shown).join(', ')}${lost.length > shown ? ', …' : ''}`] : []),
    ...(strange > 0 ? [`${strange} handled that nobody sent`] : []),
    ...(repeated > 0 && workersDied === 0 ? [`${repeated} run again after they had succeeded`] : []),
  ]
  const note = repeated > 0 && workersDied > 0 ? `${amount(repeated, 'run')} repeated after a worker died, without effect` : undefined
  return {
    says: `${handler} handled ${amount(owed, 'event')}, each exactly once`,
    holds: faults.length === 0,
    detail: faults.join('; ') || note,
  }
}

function deadLetterChecks({ plan, sent, story, deadLettersLeft }: Outcome): readonly Check[] {
  const planned = sent.deliveries.has(plan.poison) ? 1 : 0
  const found = story.found.length
  return [
    check(
      `${amount(planned, 'dead letter')}, as planned`,
      found === planned,
      `there were ${found}: ${story.found.slice(0, shown).map(describe).join('; ')}`,
    ),
    check(
      `${amount(found, 'dead letter')} redriven, none left`,
      story.redriven === found && deadLettersLeft === 0,
      `${story.redriven} redriven, ${deadLettersLeft} left`,
    ),
  ]
}

function describe({ handler, eventType, error }: Outcome['story']['found'][number]): string {
  return `${handler} on ${eventType} (${error.message})`
}

export function plannedRetries({ plan, sent }: Outcome): number {
  const shaky = sent.deliveries.has(plan.shaky) ? stumbles : 0
  return shaky + (sent.deliveries.has(plan.poison) ? auditAttempts - 1 : 0)
}

/** A crash counts as an attempt, and may come before a count was kept. */
function exactly(what: string, actual: number, planned: number, workersDied: number): Check {
  if (actual === planned) return { says: `${planned} ${what}, as planned`, holds: true }
  const detail = `there were ${actual}`
  if (workersDied > 0)
    return { says: `${planned} ${what} planned`, holds: true, detail: `${detail}, as ${amount(workersDied, 'worker')} died` }
  return { says: `${planned} ${what}, as planned`, holds: false, detail }
}

function amount(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
