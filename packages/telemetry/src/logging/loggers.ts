import type { ILogger } from '@interline/core'
import { deliveryFields, type LogFields } from './delivery-fields.js'
import { safeFields, safeText } from './safe-fields.js'

type Level = keyof ILogger

/** The part of pino that is needed; winston's and bunyan's loggers by an adapter of a line. */
export type PinoLike = { readonly [Name in Level]: (fields: object, message: string) => void }

export interface ConsoleLoggerOptions {
  /** Lines below are not written. Default `info`. */
  readonly level?: Level | undefined
  /** Lines of JSON, for machines; else text. Default false. */
  readonly json?: boolean | undefined
  readonly console?: Pick<Console, Level> | undefined
}

const levels: readonly Level[] = ['debug', 'info', 'warn', 'error']

/** A bus's lines in a pino logger, each with the ids of what is being handled. */
export function pinoLogger(pino: PinoLike): ILogger {
  return loggerOf((level, message, fields) => pino[level](fields, message))
}

/** A bus's lines on the console, each with the ids of what is being handled. */
export function consoleLogger({ level = 'info', json = false, console: out = console }: ConsoleLoggerOptions = {}): ILogger {
  const lowest = levels.indexOf(level)
  return loggerOf((each, message, fields) => {
    if (levels.indexOf(each) < lowest) return
    if (json) out[each](JSON.stringify({ time: new Date().toISOString(), level: each, message, ...fields }))
    else out[each]([message, ...Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`)].join(' '))
  })
}

function loggerOf(write: (level: Level, message: string, fields: LogFields) => void): ILogger {
  const at =
    (level: Level) =>
    (message: string, fields?: Readonly<Record<string, unknown>>): void =>
      write(level, safeText(message), { ...deliveryFields(), ...safeFields(fields) })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
