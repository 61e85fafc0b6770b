import type { ILogger } from 'interline'

export interface Lines {
  /** All that was said, so that it can be searched. */
  readonly lines: string[]
  readonly note: (line: string) => void
  readonly logger: ILogger
}

/** Keeps every line; what the bus warns of is also shown. */
export function linesOf(say: (text: string) => void): Lines {
  const lines: string[] = []
  const note = (line: string): void => void lines.push(line)
  const kept = (message: string, fields: Readonly<Record<string, unknown>> = {}): string => `${message} ${JSON.stringify(fields)}`
  const shown = (message: string, fields?: Readonly<Record<string, unknown>>): void => {
    note(kept(message, fields))
    say(`The bus: ${message}`)
  }
  const unshown = (message: string, fields?: Readonly<Record<string, unknown>>): void => note(kept(message, fields))
  return { lines, note, logger: { debug: unshown, info: unshown, warn: shown, error: shown } }
}
