import { type PrivateKafka, startKafka } from '@interline/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { figuresOf, runDemo } from './demo-process.js'

let server: PrivateKafka
beforeAll(async () => {
  server = await startKafka()
}, 60_000)
afterAll(() => server.close())

test('the same webhooks through Kafka add up', async () => {
  const result = await runDemo(['webhooks', '--broker', 'kafka', '--json'], { KAFKA_BROKERS: server.brokers.join(',') })
  expect(result).toMatchObject({ code: 0, errors: '' })
  expect(figuresOf(result)).toMatchObject({ published: 329, deadLettered: 1, redriven: 1, lost: 0, broker: 'kafka', problems: [] })
}, 60_000)
