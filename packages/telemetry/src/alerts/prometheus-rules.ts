import { definitions, type MetricDefinition } from '../metrics/definitions.js'
import { prometheusName } from '../metrics/prometheus.js'
import { type AlertRule, checkRule, defaultAlertRules } from './alert-rule.js'

export interface PrometheusRulesOptions {
  /** Of the group of rules. Default `interline`. */
  readonly group?: string | undefined
  /** Whether names hold their unit: false for those that OpenTelemetry's own exporter for JavaScript writes. Default true. */
  readonly unitsInNames?: boolean | undefined
  /** Definitions of the metrics that are not of `BusMetrics`. */
  readonly definitions?: readonly MetricDefinition[] | undefined
}

/**
 * The rules as a file of Prometheus, in YAML. Prometheus has one threshold for a rule: `clearsAt` is left to `AlertWatch`, `clearForMs`
 * becomes `keep_firing_for`.
 */
export function prometheusRules(rules: readonly AlertRule[] = defaultAlertRules, options: PrometheusRulesOptions = {}): string {
  const known = new Map([...Object.values(definitions), ...(options.definitions ?? [])].map((each) => [each.name, each]))
  const named = (metric: string, kind: MetricDefinition['kind']): string =>
    prometheusName(known.get(metric) ?? { name: metric, kind, unit: '' }, options.unitsInNames ?? true)
  const lines = ['groups:', `  - name: ${text(options.group ?? 'interline')}`, '    rules:']
  for (const rule of rules) {
    checkRule(rule)
    const { clearForMs = 0 } = rule
    lines.push(
      `      - alert: ${text(rule.name)}`,
      `        expr: ${text(expression(rule, named))}`,
      `        for: ${duration(rule.forMs)}`,
    )
    if (clearForMs > 0) lines.push(`        keep_firing_for: ${duration(clearForMs)}`)
    lines.push(
      '        labels:',
      `          severity: ${rule.severity}`,
      '        annotations:',
      `          summary: ${text(rule.summary)}`,
    )
  }
  return `${lines.join('\n')}\n`
}

function expression({ measure, above }: AlertRule, named: (metric: string, kind: MetricDefinition['kind']) => string): string {
  if (measure.kind === 'gauge') return `max(${named(measure.metric, 'gauge')}) > ${above}`
  const window = `[${duration(measure.windowMs)}]`
  if (measure.kind === 'quantile') {
    const bucket = `${named(measure.metric, 'histogram')}_bucket`
    return `histogram_quantile(${measure.quantile}, sum by (le) (rate(${bucket}${window}))) > ${above}`
  }
  const increase = (metric: string): string => `(sum(increase(${named(metric, 'counter')}${window})) or vector(0))`
  const all = measure.to.map(increase).join(' + ')
  return `${increase(measure.of)} / (${all}) > ${above} and (${all}) >= ${measure.atLeast ?? 1}`
}

/** JSON text is YAML text. */
function text(value: string): string {
  return JSON.stringify(value)
}

function duration(milliseconds: number): string {
  return milliseconds % 1_000 === 0 ? `${milliseconds / 1_000}s` : `${Math.round(milliseconds)}ms`
}
