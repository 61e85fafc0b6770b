import { appendFileSync } from 'node:fs'

/** One line of the report: what a configuration can do, or how one of its cases ended. */
export type ReportLine =
  | { readonly kind: 'configuration'; readonly suite: string; readonly configuration: string; readonly capabilities: object }
  | {
      readonly kind: 'case'
      readonly suite: string
      readonly configuration: string
      readonly id: string
      readonly title: string
      /** `refused`: a capability excludes the case, and its opposite held. `left-out`: the configuration says why. */
      readonly outcome: 'passed' | 'failed' | 'refused' | 'left-out'
      readonly reason?: string | undefined
    }

/**
 * Appends to the file that `INTERLINE_TEST_REPORT` names, one JSON object a line, whatever the test runner and however many processes
 * it uses. Nothing is written where it is not set.
 */
export function report(line: ReportLine): void {
  const path = process.env.INTERLINE_TEST_REPORT
  if (path !== undefined && path !== '') appendFileSync(path, `${JSON.stringify(line)}\n`)
}
