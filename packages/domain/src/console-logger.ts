import type { ILogger } from '@interline/core'

/** What a person should look at goes to the console. */
export const consoleLogger: Pick<ILogger, 'warn' | 'error'> = {
  warn: (message, fields) => console.warn(message, ...(fields === undefined ? [] : [fields])),
  error: (message, fields) => console.error(message, ...(fields === undefined ? [] : [fields])),
}
