import { type Arguments, webhooks } from './arguments.js'
import type { Display } from './display.js'
import { renderSystem, runSystem, type SystemOutcome, figuresOf as systemFigures } from './systems/run-system.js'
import { runWebhooks } from './webhooks/run.js'
import { render as renderWebhooks } from './webhooks/summary/render.js'
import type { Summary } from './webhooks/summary/summary.js'

export interface DemoOutcome {
  /** `undefined` where webhooks were not asked for. */
  readonly webhooks: Summary | undefined
  readonly systems: readonly SystemOutcome[]
}

/** One part after the other. After an interruption no other begins. */
export async function runParts({ parts, ...options }: Arguments, display: Display, interrupted: AbortSignal): Promise<DemoOutcome> {
  const summary = parts.includes(webhooks) ? await runWebhooks(options, display, interrupted) : undefined
  const systems: SystemOutcome[] = []
  for (const name of parts) {
    if (name !== webhooks && !interrupted.aborted) systems.push(await runSystem(name, options, display, interrupted))
  }
  return { webhooks: summary, systems }
}

/** What `--json` prints: the figures of the webhooks, and those of each system. */
export function figuresOf(outcome: DemoOutcome): Readonly<Record<string, unknown>> {
  return { ...outcome.webhooks?.figures, systems: outcome.systems.map(systemFigures), problems: problemsOf(outcome) }
}

/** What does not add up, in any part. */
export function problemsOf({ webhooks: summary, systems }: DemoOutcome): readonly string[] {
  const ofSystems = systems.map(systemFigures).flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`))
  return [...(summary?.figures.problems ?? []), ...ofSystems]
}

/** For a person: a section each and, where there are several, whether all of it adds up. */
export function render(outcome: DemoOutcome, paint: Display['paint']): readonly string[] {
  const { webhooks: summary, systems } = outcome
  const sections = systems.map((system) => renderSystem(system, paint))
  if (summary !== undefined) sections.unshift(renderWebhooks(summary, paint))
  return sections.length > 1 ? [...sections, paint('bold', verdict(outcome))] : sections
}

function verdict(outcome: DemoOutcome): string {
  const { webhooks: summary, systems } = outcome
  const names = [...(summary === undefined ? [] : [webhooks]), ...systems.map(({ name }) => name)].join(', ')
  const checks = [...(summary?.checks ?? []), ...systems.flatMap((system) => system.checks)].length
  const problems = problemsOf(outcome).length
  return problems === 0 ? `All of it adds up: ${names}. ${checks} checks hold.` : `${problems} of ${checks} checks do not hold.`
}
