import { type EventTracker, registerPrometheus } from '@interline/telemetry'
import { Registry } from 'prom-client'

/** What a Prometheus that asks now is told. */
export function scrape(tracker: EventTracker): Promise<string> {
  const registry = new Registry()
  registerPrometheus(registry, tracker)
  return registry.metrics()
}

/** How often a type was handled, as the text has it. */
export function countedIn(text: string, type: string, status: 'processed' | 'failed'): number {
  const line = text.split('\n').find((each) => each.startsWith(`events_total{type="${type}",status="${status}"} `))
  return Number(line?.split(' ').at(-1) ?? 0)
}
