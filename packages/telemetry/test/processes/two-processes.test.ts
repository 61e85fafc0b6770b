import { randomUUID } from 'node:crypto'
import { findServer, type ServerName } from '@interline/testing'
import { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { type ProcessSpan, TracedProcess } from './traced-process.js'

const ours = '@interline/telemetry'

async function run(broker: 'redis' | 'kafka', driverSpans: boolean): Promise<readonly ProcessSpan[]> {
  const { url } = await findServer(broker as ServerName)
  const namespace = `traced${randomUUID().slice(0, 8)}`
  const options = { broker, url, namespace, driverSpans }
  using billing = new TracedProcess({ ...options, role: 'billing' })
  using mail = new TracedProcess({ ...options, role: 'mail' })
  await Promise.all([billing.told('ready'), mail.told('ready')])
  await mail.publish()
  await mail.told('billed')
  const spans = (await Promise.all([mail.end(), billing.end()])).flat()
  if (broker === 'redis') await removeKeys(url, namespace)
  return spans
}

async function removeKeys(url: string, namespace: string): Promise<void> {
  const redis = new Redis(url, { retryStrategy: () => null })
  try {
    for await (const keys of redis.scanStream({ match: `*${namespace}*`, count: 1_000 })) if (keys.length > 0) await redis.unlink(keys)
  } finally {
    redis.disconnect()
  }
}

it.each(['redis', 'kafka'] as const)(
  'one event on %s is one trace over two processes, and the driver makes no spans of its own',
  async (broker) => {
    const spans = await run(broker, false)
    const one = (pattern: RegExp): ProcessSpan => {
      const found = spans.filter(({ name }) => pattern.test(name))
      if (found.length !== 1) throw new Error(`${found.length} spans ${pattern} among ${spans.map(({ name }) => name)}`)
      return found[0] as ProcessSpan
    }
    const request = one(/^request$/)
    const [send, process] = [one(/^send traced\w{8}$/), one(/^process traced\w{8}$/)]
    const [sendBill, mail] = [one(/^send .*-bills$/), one(/^process .*-bills$/)]
    expect([send.parent, process.parent, sendBill.parent, mail.parent]).toEqual([
      request.spanId,
      send.spanId,
      process.spanId,
      sendBill.spanId,
    ])
    expect([process.links, mail.links]).toEqual([[send.spanId], [sendBill.spanId]])
    expect([send.kind, process.kind]).toEqual(['PRODUCER', 'CONSUMER'])
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
    expect(spans.map(({ scope }) => scope).filter((scope) => scope !== ours)).toEqual(['app'])
    expect(send.attributes['messaging.system']).toBe(broker)
    expect(send.attributes['messaging.kafka.message.key']).toBe(broker === 'kafka' ? 'one' : undefined)
  },
)

it('the spans of the driver of Redis are there where they are wanted', async () => {
  const spans = await run('redis', true)
  expect(spans.filter(({ scope }) => scope !== ours && scope !== 'app').length).toBeGreaterThan(0)
})
