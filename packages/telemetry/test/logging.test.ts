import { defineEvent, EventBus, type ILogger, staticSchema, toError } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { consoleLogger, deliveryFields, pinoLogger, tracing } from '@interline/telemetry'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { contextManager, tracer } from './spans.js'

const Placed = defineEvent('logged.Placed', { topic: 'logged.placed', schema: staticSchema<{ card: string }>() })

/** A pino logger and the lines that it wrote. */
function written(options: object = {}) {
  const lines: Record<string, unknown>[] = []
  const logger = pino({ level: 'debug', ...options }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  return { lines, logger }
}

describe('a line of a handler', () => {
  it('has the ids of its event and its trace, whether the bus, the handler or the program writes it', async () => {
    using _manager = contextManager()
    const { provider, named } = tracer()
    const { lines, logger } = written({ mixin: () => deliveryFields() })
    const instrumentation = tracing({ tracerProvider: provider })
    await using bus = new EventBus({ broker: new MemoryBroker(), logger: pinoLogger(logger), instrumentation, retry: { maxAttempts: 1 } })
    const handle = async (_: unknown, context: { logger: ILogger }): Promise<void> => {
      await Promise.resolve()
      context.logger.info('handling', { orderId: 'o-1' })
      logger.info('of the program')
    }
    await bus.subscribe(Placed, handle, { name: 'billing' })
    await bus.publish(Placed({ card: '4711' }, { correlationId: 'request-1' }))
    await bus.idle()
    const { traceId, spanId } = named('process logged')
    const ids = { correlationId: 'request-1', group: 'app', handler: 'billing', attempt: 1, traceId, spanId, eventId: expect.any(String) }
    expect(lines).toMatchObject([
      { msg: 'handling', orderId: 'o-1', level: 30, ...ids },
      { msg: 'of the program', ...ids },
    ])
  })

  it('has none of them outside of a handler', () => {
    expect(deliveryFields()).toEqual({})
  })
})

describe('what is logged', () => {
  it("is never an event's data nor a secret, also where a handler fails with them in hand", async () => {
    const { lines, logger } = written()
    await using bus = new EventBus({ broker: new MemoryBroker(), logger: pinoLogger(logger), retry: { maxAttempts: 1 } })
    const handle = ({ data }: { data: object }): never => {
      throw Object.assign(new Error('can not reach redis://user:hunter2@cache:6379/0'), { data, password: 'hunter2', code: 'ECONNREFUSED' })
    }
    await bus.subscribe(Placed, handle, { name: 'billing', failure: { deadLetter: { enabled: false } } })
    await bus.publish(Placed({ card: '4711-0815' }))
    await bus.idle()
    const text = JSON.stringify(lines)
    expect(lines).toHaveLength(1)
    expect(text).toContain('redis://[hidden]@cache:6379/0')
    expect(text).not.toMatch(/hunter2|4711/)
  })

  it.each([
    [{ error: new TypeError('wrong') }, { error: 'wrong', 'error.name': 'TypeError', 'error.stack': expect.any(String) }],
    [
      { password: 'x', apiKey: 'x', Authorization: 'x' },
      { password: '[hidden]', apiKey: '[hidden]', Authorization: '[hidden]' },
    ],
    [
      { event: { card: '4711' }, list: [1] },
      { event: '[object]', list: '[object]' },
    ],
    [
      { big: 1n, when: new Date(0), none: undefined },
      { big: '1', when: '1970-01-01T00:00:00.000Z' },
    ],
    [{ url: 'amqp://guest:guest@host' }, { url: 'amqp://[hidden]@host' }],
  ])('of %o is %o', (fields, expected) => {
    const { lines, logger } = written()
    pinoLogger(logger).warn('line', fields)
    const { level: _level, time: _time, pid: _pid, hostname: _hostname, msg: _msg, ...rest } = lines[0] ?? {}
    expect(rest).toEqual(expected)
  })

  it('has an end', () => {
    const { lines, logger } = written()
    pinoLogger(logger).error('x'.repeat(1e6), { text: 'y'.repeat(1e6) })
    expect(JSON.stringify(lines).length).toBeLessThan(5_000)
  })
})

describe('a console', () => {
  it('gets lines from a level on, as text or JSON', () => {
    const lines: string[] = []
    const write = (line: string): void => void lines.push(line)
    const out = { debug: write, info: write, warn: write, error: write }
    consoleLogger({ console: out }).debug('too low')
    consoleLogger({ console: out }).warn('slow', { error: toError('late'), count: 3 })
    consoleLogger({ console: out, level: 'debug', json: true }).debug('found', { count: 3 })
    expect(lines[0]).toMatch(/^slow error=late error.name=Error .*count=3$/s)
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ level: 'debug', message: 'found', count: 3, time: expect.any(String) })
    expect(lines).toHaveLength(2)
  })
})
