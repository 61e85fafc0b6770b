import type { Display } from '../display.js'

/** Something that has to be true when a run is over. */
export interface Check {
  readonly says: string
  readonly holds: boolean
  /** What is off, or what is worth knowing. */
  readonly detail?: string | undefined
}

export function check(says: string, holds: boolean, otherwise: string): Check {
  return { says, holds, detail: holds ? undefined : otherwise }
}

/** What does not hold, in words. */
export function problemsOf(checks: readonly Check[]): readonly string[] {
  return checks.filter(({ holds }) => !holds).map(({ says, detail }) => `${says}: ${detail ?? 'no'}`)
}

export function checkLine({ says, holds, detail }: Check, paint: Display['paint']): string {
  const mark = holds ? paint('green', '✓') : paint('red', '✗')
  return `${mark} ${says}${detail === undefined ? '' : ` (${detail})`}`
}
