export const severities = ['critical', 'high', 'medium', 'low'] as const
export type Severity = (typeof severities)[number]

const known: readonly (readonly [word: string, severity: Severity])[] = [
  ['critical', 'critical'],
  ['high', 'high'],
  ['error', 'high'],
  ['moderate', 'medium'],
  ['medium', 'medium'],
  ['warning', 'medium'],
  ['low', 'low'],
  ['note', 'low'],
  ['none', 'low'],
]

/** How bad it is, out of the many words that GitHub's products have for it. */
export class SeverityScale {
  readonly #words = new Map<string, Severity>(known)

  severityOf(word: string): Severity {
    const severity = this.#words.get(word)
    if (severity !== undefined) return severity
    throw new Error(`The severity "${word}" is not on the audit's scale.`)
  }

  learn(word: string, severity: Severity): void {
    this.#words.set(word, severity)
  }
}
