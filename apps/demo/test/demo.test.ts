import { describe, expect, test } from 'vitest'
import { systemNames } from '../src/systems/catalogue.js'
import { figuresOf, runDemo } from './demo-process.js'

test('without arguments the webhooks are handled, then each system does its work, and all of it adds up', async () => {
  const { code, lines, errors } = await runDemo([])
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
  for (const name of systemNames) expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^${name}: `)))
  expect(lines.at(-1)).toMatch(/^All of it adds up: webhooks, rewards, .*\d+ checks hold\.$/)
  expect(lines.join('\n')).not.toContain('✗')
}, 90_000)

describe('the webhooks', () => {
  test('all 329 are handled in memory, and the last line is the summary', async () => {
    const result = await runDemo(['webhooks', '--json'])
    expect(result).toMatchObject({ code: 0, errors: '' })
    const figures = figuresOf(result)
    expect(figures).toMatchObject({ published: 329, deadLettered: 1, redriven: 1, lost: 0, broker: 'memory', store: 'none', problems: [] })
    expect(figures.systems).toEqual([])
    for (const name of ['handled', 'retried', 'duplicates', 'p50Ms', 'p99Ms', 'eventsPerSecond']) expect(figures[name]).toBeGreaterThan(0)
  })

  test('a person gets tables and a check that it adds up, without control characters in a pipe', async () => {
    const { code, lines, errors } = await runDemo(['webhooks'])
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    const text = lines.join('\n')
    for (const part of ['event type', 'activity-feed', 'security-audit', 'p99', 'It adds up', '✓ 1 dead letter redriven, none left']) {
      expect(text).toContain(part)
    }
    expect(text).not.toContain('\u001b')
    expect(text).not.toContain('✗')
  })
})

test('more events than there are examples cycle through them, each with an id of its own', async () => {
  expect(figuresOf(await runDemo(['--events', '1000', '--json']))).toMatchObject({ published: 1_000, lost: 0, problems: [] })
})

test('few events, among which nothing is made to fail, add up as well', async () => {
  const result = await runDemo(['--events', '1', '--json'])
  expect(result.code).toBe(0)
  expect(figuresOf(result)).toMatchObject({ published: 1, deadLettered: 0, redriven: 0, lost: 0 })
})

test('--help says what there is', async () => {
  const { code, lines } = await runDemo(['--help'])
  expect(code).toBe(0)
  expect(lines.join('\n')).toContain('--workers N')
})

test.each([
  [['--broker', 'pigeon'], 'Give one of memory, redis, rabbitmq, kafka'],
  [['--events', '0'], '--events must be a whole number from 1'],
  [['--events', 'many'], 'is "many"'],
  [['--workers', '2'], 'Add --broker redis'],
  [['--colour'], "Unknown option '--colour'"],
  [['everything'], '"everything" is no part that is known here'],
])('%j is answered with one line that says what to do, and exit code 2', async (list, expected) => {
  const { code, lines, errors } = await runDemo(list)
  expect(code).toBe(2)
  expect(errors).toContain(expected)
  expect(errors.trimEnd().split('\n')).toHaveLength(1)
  expect(lines).toEqual([''])
})
