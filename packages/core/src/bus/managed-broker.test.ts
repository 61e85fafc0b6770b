import { describe, expect, test } from 'vitest'
import { ConnectionError } from '../errors.js'
import type { IBroker } from '../ports/broker.js'
import { systemClock } from '../system-clock.js'
import { ManagedBroker } from './managed-broker.js'

function managed(connect: () => Promise<void>): { readonly broker: ManagedBroker; readonly closes: () => number } {
  let closes = 0
  const inner = { name: 'test', capabilities: { local: false }, connect, close: () => void (closes += 1) } as unknown as IBroker
  const broker = new ManagedBroker(inner, { clock: systemClock, report: () => undefined, quietly: undefined, connectTimeoutMs: 10 })
  return { broker, closes: () => closes }
}

describe('closing a broker', () => {
  test('whose connecting was refused closes what it may have opened', async () => {
    const { broker, closes } = managed(() => Promise.reject(new ConnectionError('One of two connections was refused.')))
    await expect(broker.connect()).rejects.toThrow('refused')
    await broker.close()
    expect(closes()).toBe(1)
  })

  test('that connects after its deadline closes what came too late', async () => {
    const { broker, closes } = managed(() => new Promise(() => undefined))
    await expect(broker.connect()).rejects.toThrow('did not answer within 10 ms')
    await broker.close()
    expect(closes()).toBe(1)
  })

  test('that never was to connect does not touch it', async () => {
    const { broker, closes } = managed(() => Promise.resolve())
    await broker.close()
    expect(closes()).toBe(0)
  })
})
