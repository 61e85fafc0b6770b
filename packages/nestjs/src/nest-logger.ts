import { inspect } from 'node:util'
import { Logger } from '@nestjs/common'
import type { ILogger } from 'interline'

/** The application's own logger, whichever that is by the time something is logged. */
export function nestLogger(): ILogger {
  const logger = new Logger('Interline')
  return {
    debug: (message, fields) => logger.debug(line(message, fields)),
    info: (message, fields) => logger.log(line(message, fields)),
    warn: (message, fields) => logger.warn(line(message, fields)),
    error: (message, fields) => logger.error(line(message, fields)),
  }
}

/** Nest takes an object beside a message for a context or prints it on lines of its own. */
function line(message: string, fields: Readonly<Record<string, unknown>> | undefined): string {
  return fields === undefined ? message : `${message} ${inspect(fields, { breakLength: Number.POSITIVE_INFINITY })}`
}
