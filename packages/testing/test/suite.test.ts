import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrokerCapabilities, IBroker } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { describe, expect, test } from 'vitest'
import { ForwardingBroker } from '../src/forwarding-broker.js'
import { CollectingRunner, testBroker } from '../src/index.js'

// These are no brokers to publish a table about.
delete process.env.INTERLINE_TEST_REPORT

const limits = { gapMs: 1_500, caseMs: 10_000 }

/** Memory that says of itself what a test wants. */
class Claiming extends ForwardingBroker {
  readonly #claims: Partial<BrokerCapabilities>

  constructor(inner: IBroker, claims: Partial<BrokerCapabilities>) {
    super(inner)
    this.#claims = claims
  }

  override get capabilities(): BrokerCapabilities {
    return { ...this.inner.capabilities, ...this.#claims }
  }
}

const modest = { order: 'none', replay: false, delayedDelivery: false, patterns: false, broadcast: false } as const

describe('the suite of brokers', () => {
  test('runs the opposite of what a capability excludes', { timeout: 60_000 }, async () => {
    const runner = new CollectingRunner()
    testBroker('modest', { runner, create: () => new Claiming(new MemoryBroker(), modest), scale: 'tiny', limits })
    const results = await runner.run()
    expect(results.filter(({ error }) => error !== undefined)).toEqual([])
    const refused = results.filter(({ name }) => name.endsWith('is refused')).map(({ id }) => id)
    expect(refused).toEqual(['B05', 'B09', 'B13', 'B18', 'B31', 'B33', 'B33', 'B37'])
  })

  test('notices a broker that takes what it says it can not do', { timeout: 60_000 }, async () => {
    const runner = new CollectingRunner()
    const expected = { order: 'key', replay: true } as const
    testBroker('other', { runner, create: () => new Claiming(new MemoryBroker(), modest), capabilities: expected, scale: 'tiny', limits })
    const [capabilities] = await runner.run(['B00'])
    expect(String(capabilities?.error)).toContain('replay')
  })

  test('fails where the means for a case are missing, and says how to go on', async () => {
    const runner = new CollectingRunner()
    const create = () => new Claiming(new MemoryBroker(), { local: false, durable: true })
    const leaveOut = { B26: 'there is no plain client', B30: 'there is no server' }
    testBroker('bare', { runner, create, leaveOut, scale: 'tiny', limits })
    const results = await runner.run(['B14', 'B23', 'B26', 'B27', 'B29', 'B30', 'B36'])
    const failed = results.filter(({ error }) => error !== undefined)
    expect(failed.map(({ id }) => id)).toEqual(['B14', 'B23', 'B27', 'B27', 'B29', 'B36'])
    expect(String(failed[0]?.error)).toContain(`B14 needs the option "server". Give it, or say why not: leaveOut: { B14: '…' }.`)
    expect(results.filter(({ error }) => error === undefined).map(({ id }) => id)).toEqual(['B30'])
  })

  test('says that it found no runner', () => {
    expect(() => testBroker('no runner', { create: () => new MemoryBroker() })).toThrow('Pass one')
  })

  test('writes one line for each case into the report', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'interline-report-'))
    process.env.INTERLINE_TEST_REPORT = join(folder, 'report.jsonl')
    try {
      const runner = new CollectingRunner()
      const create = () => new Claiming(new MemoryBroker(), { replay: false })
      testBroker('reported', { runner, create, leaveOut: { B12: 'for the test' }, scale: 'tiny', limits })
      await runner.run(['B01', 'B12', 'B13'])
      const lines = (await readFile(process.env.INTERLINE_TEST_REPORT, 'utf8')).trim().split('\n')
      const [first, ...rest] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
      expect(first).toMatchObject({ kind: 'configuration', suite: 'broker', configuration: 'reported', capabilities: { replay: false } })
      expect(rest.map(({ id, outcome, reason }) => [id, outcome, reason])).toEqual([
        ['B12', 'left-out', 'for the test'],
        ['B01', 'passed', undefined],
        ['B13', 'passed', undefined],
        ['B13', 'refused', undefined],
      ])
    } finally {
      delete process.env.INTERLINE_TEST_REPORT
      await rm(folder, { recursive: true })
    }
  })
})
