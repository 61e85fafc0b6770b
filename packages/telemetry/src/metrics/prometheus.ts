import type { HistogramValue } from './buckets.js'
import type { MetricDefinition } from './definitions.js'
import type { Family, Labels, MetricSource, Point } from './families.js'

/** The part of a registry of prom-client that is needed. */
export interface PrometheusRegistry {
  registerMetric(metric: never): void
}

interface Value {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  readonly metricName?: string
}

interface Exposed {
  readonly name: string
  readonly help: string
  readonly type: MetricDefinition['kind']
  readonly values: readonly Value[]
  readonly aggregator: 'sum'
}

const unitWords: Readonly<Record<string, string>> = { s: 'seconds' }

/** A metric's name as Prometheus has it: dots become `_`, the unit is a word of the name, and counters end in `_total`. */
export function prometheusName({ name, kind, unit }: Pick<MetricDefinition, 'name' | 'kind' | 'unit'>, withUnit = true): string {
  const plain = name.replace(/[^a-zA-Z0-9_]/g, '_')
  const word = withUnit ? unitWords[unit] : undefined
  const measured = word === undefined ? plain : `${plain}_${word}`
  return kind === 'counter' && !measured.endsWith('_total') ? `${measured}_total` : measured
}

/**
 * Puts metrics into a registry of prom-client, where they stand beside the program's own, each name once. A scrape reads what is in the
 * memory of this process, and waits for no server.
 */
export function registerPrometheus(registry: PrometheusRegistry, ...sources: readonly MetricSource[]): void {
  const scrape = new Scrape(sources)
  const definitions = new Map(sources.flatMap((source) => source.definitions).map((each) => [each.name, each]))
  for (const definition of definitions.values()) registry.registerMetric(new ExposedMetric(definition, scrape) as never)
}

/** What all metrics of one scrape have in common: the registry asks each of them, and in the same tick. */
class Scrape {
  readonly #sources: readonly MetricSource[]
  #families: readonly Family[] | undefined

  constructor(sources: readonly MetricSource[]) {
    this.#sources = sources
  }

  of(name: string): readonly Family[] {
    if (this.#families === undefined) {
      queueMicrotask(() => (this.#families = undefined))
      this.#families = this.#sources.flatMap((source) => source.families())
    }
    return this.#families.filter(({ definition }) => definition.name === name)
  }
}

/** What prom-client asks of a metric. It changes the name where it writes OpenMetrics. */
class ExposedMetric {
  name: string
  readonly help: string
  readonly type: MetricDefinition['kind']
  readonly aggregator = 'sum'
  readonly #metric: string
  readonly #scrape: Scrape

  constructor(definition: MetricDefinition, scrape: Scrape) {
    this.name = prometheusName(definition)
    this.help = definition.description
    this.type = definition.kind
    this.#metric = definition.name
    this.#scrape = scrape
  }

  async get(): Promise<Exposed> {
    const { name, help, type, aggregator } = this
    return { name, help, type, aggregator, values: this.#scrape.of(this.#metric).flatMap((family) => valuesOf(family, name)) }
  }

  /** What was counted belongs to the bus. */
  reset(): void {}
}

function valuesOf(family: Family, name: string): readonly Value[] {
  if (family.kind === 'histogram') return family.points.flatMap((point) => histogramValues(point, name))
  return family.points.map(({ labels, value }) => ({ labels: plain(labels), value }))
}

function histogramValues({ labels, value: { boundaries, counts, sum, count } }: Point<HistogramValue>, name: string): readonly Value[] {
  const own = plain(labels)
  let below = 0
  const buckets = [...boundaries, '+Inf' as const].map((le, index): Value => {
    below += counts[index] ?? 0
    return { metricName: `${name}_bucket`, labels: { le, ...own }, value: below }
  })
  return [...buckets, { metricName: `${name}_sum`, labels: own, value: sum }, { metricName: `${name}_count`, labels: own, value: count }]
}

function plain(labels: Labels): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name.replace(/[^a-zA-Z0-9_]/g, '_'), value]))
}

/** The content type of `prometheusText`. */
export const prometheusTextType = 'text/plain; version=0.0.4; charset=utf-8'

/** The same as text, for a program that has no registry of prom-client. */
export function prometheusText(...sources: readonly MetricSource[]): string {
  const definitions = new Map(sources.flatMap((source) => source.definitions).map((each) => [each.name, each]))
  const families = sources.flatMap((source) => source.families())
  const sections = [...definitions.values()].map((definition) => {
    const name = prometheusName(definition)
    const values = families.filter((family) => family.definition.name === definition.name).flatMap((family) => valuesOf(family, name))
    return [
      `# HELP ${name} ${escaped(definition.description)}`,
      `# TYPE ${name} ${definition.kind}`,
      ...values.map((value) => sample(name, value)),
    ]
  })
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function sample(name: string, { metricName = name, labels, value }: Value): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(String(text)).replaceAll('"', '\\"')}"`)
  return `${metricName}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}`
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
