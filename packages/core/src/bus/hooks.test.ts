import { describe, expect, it, vi } from 'vitest'
import type { HandlingEvent, Instrumentation, SendingEvent } from '../ports/instrumentation.js'
import { combineHooks } from './hooks.js'

const quiet = { debug: () => undefined, info: () => undefined, warn: vi.fn(), error: () => undefined }
const sending = { way: 'publish', broker: 'memory', events: [], destinations: [], cause: undefined } satisfies SendingEvent
const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }

describe('hooks of several instrumentations', () => {
  it('stay unset where nobody has one', () => {
    expect(combineHooks([{ published: () => undefined }, {}], quiet)).toEqual({ published: expect.any(Function) })
  })

  it('tell the others when one throws, and warn', () => {
    const seen = vi.fn()
    const hooks = combineHooks([{ lost: thrower }, { lost: seen }], quiet)
    hooks.lost?.({ broker: 'memory', message: {} as never, group: 'mail', broadcast: false })
    expect(seen).toHaveBeenCalledOnce()
    expect(quiet.warn).toHaveBeenCalledWith(expect.stringContaining('"lost"'), expect.anything())
  })

  it('give the first trace, and end every watch', () => {
    const ended = vi.fn()
    const first: Instrumentation = { sending: () => ({ ended }) }
    const second: Instrumentation = { sending: () => ({ trace, ended }) }
    const watch = combineHooks([first, second], quiet).sending?.(sending)
    expect(watch?.trace).toBe(trace)
    watch?.ended({})
    expect(ended).toHaveBeenCalledTimes(2)
  })

  it('answer nothing where nobody watches', () => {
    expect(combineHooks([{ sending: () => undefined }, { sending: thrower }], quiet).sending?.(sending)).toBeUndefined()
  })
})

describe('work that is entered', () => {
  it.each([
    ['throws before it', () => thrower()],
    ['never runs it', () => undefined],
    ['runs it twice', (run: () => unknown) => [run(), run()]],
    ['throws after it', (run: () => unknown) => thrower(run())],
    ['answers something else', (run: () => unknown) => `else ${String(run())}`],
    ['swallows what it throws', (run: () => unknown) => swallow(run)],
  ])('runs once and gives its own answer when an instrumentation %s', (_, enter) => {
    const hooks = combineHooks([{ handling: () => ({ enter: enter as never, ended: thrower }) }, { quietly: enter as never }], quiet)
    const watch = hooks.handling?.({} as HandlingEvent)
    for (const around of [(run: () => unknown) => watch?.enter?.(run), (run: () => unknown) => hooks.quietly?.(run)]) {
      const work = vi.fn(() => 'done')
      expect(around(work)).toBe('done')
      expect(work).toHaveBeenCalledOnce()
      expect(() => around(thrower)).toThrow('broken')
    }
    expect(() => watch?.ended({ kind: 'handled' } as never)).not.toThrow()
  })
})

function thrower(_after?: unknown): never {
  throw new Error('broken')
}

function swallow(run: () => unknown): unknown {
  try {
    return run()
  } catch {
    return undefined
  }
}
