import type { WireMessage } from '@interline/core'
import type { MetricDefinition } from './definitions.js'
import type { Family } from './families.js'

/** A counter under a name of the program's own, such as `WALLET_EVENT_PUBLISHED` of everything on `wallet.>`. */
export interface NamedCounter {
  readonly name: string
  readonly counts: 'published' | 'publish-failed' | 'handled' | 'failed'
  /** A topic, or a pattern of topics. */
  readonly topic: string
  readonly description?: string | undefined
}

interface Counting extends NamedCounter {
  value: number
}

export class NamedCounters {
  readonly #counters: readonly Counting[]
  readonly #matches: (pattern: string, topic: string) => boolean

  constructor(counters: readonly NamedCounter[], matches: (pattern: string, topic: string) => boolean) {
    this.#counters = counters.map((counter) => ({ ...counter, value: 0 }))
    this.#matches = matches
  }

  count(what: NamedCounter['counts'], { topic }: WireMessage): void {
    for (const counter of this.#counters) if (counter.counts === what && this.#matches(counter.topic, topic)) counter.value++
  }

  get definitions(): readonly MetricDefinition[] {
    return this.#counters.map(definitionOf)
  }

  families(): readonly Family[] {
    return this.#counters.map((counter) => ({
      kind: 'counter',
      definition: definitionOf(counter),
      points: [{ labels: {}, value: counter.value }],
    }))
  }
}

function definitionOf({ name, description, counts, topic }: NamedCounter): MetricDefinition {
  return { name, kind: 'counter', unit: '{event}', description: description ?? `Events of ${topic} that were ${counts}.`, labels: [] }
}
