import { Logger } from '@nestjs/common'
import { afterEach, expect, it } from 'vitest'
import { nestLogger } from './nest-logger.js'

afterEach(() => Logger.overrideLogger(true))

it("what the bus logs goes to the application's logger, on one line", () => {
  const lines: unknown[] = []
  const logger = nestLogger()
  const told =
    (level: string) =>
    (message: unknown, ...rest: unknown[]) =>
      void lines.push([level, message, rest.at(-1)])
  Logger.overrideLogger({ log: told('log'), debug: told('debug'), warn: told('warn'), error: told('error') })
  logger.debug('looked')
  logger.info('started', { service: 'shop' })
  logger.warn('a handler failed', { error: 'no', attempt: 2 })
  logger.error('given up', { fields: { n: 1n } })
  expect(lines).toEqual([
    ['debug', 'looked', 'Interline'],
    ['log', "started { service: 'shop' }", 'Interline'],
    ['warn', "a handler failed { error: 'no', attempt: 2 }", 'Interline'],
    ['error', 'given up { fields: { n: 1n } }', 'Interline'],
  ])
})
