import type { ILogger } from './ports/logger.js'

/** Nothing on the way up is worth a line; what a person should look at goes to the console. */
export const defaultLogger: ILogger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (message, fields) => console.warn(message, ...(fields === undefined ? [] : [fields])),
  error: (message, fields) => console.error(message, ...(fields === undefined ? [] : [fields])),
}
