import type { Display } from '../display.js'

/** Lines under a title; nothing where there are none. */
export function titled(title: string, lines: readonly string[], paint: Display['paint']): string {
  return lines.length === 0 ? '' : [paint('bold', title), ...lines.map((line) => `  ${line}`)].join('\n')
}

export function milliseconds(durationMs: number): string {
  if (durationMs >= 1_000) return `${(durationMs / 1_000).toFixed(1)} s`
  return `${durationMs >= 10 ? durationMs.toFixed(0) : durationMs.toPrecision(2)} ms`
}
