import { findServer } from '@interline/testing'
import { expect, test } from 'vitest'
import { figuresOf, runDemo } from './demo-process.js'

test('the same webhooks through RabbitMQ add up', async () => {
  const { url } = await findServer('rabbitmq')
  const result = await runDemo(['webhooks', '--broker', 'rabbitmq', '--json'], { RABBITMQ_URL: url })
  expect(result).toMatchObject({ code: 0, errors: '' })
  expect(figuresOf(result)).toMatchObject({ published: 329, deadLettered: 1, redriven: 1, lost: 0, broker: 'rabbitmq', problems: [] })
}, 90_000)
