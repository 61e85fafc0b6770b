import { describe, expect, test } from 'vitest'
import { rabbitMqUrl, redisStoreUrl, redisUrl } from './addresses.js'

describe('RabbitMQ', () => {
  test('is on this machine where nobody says anything', () => {
    expect(rabbitMqUrl({})).toBe('amqp://guest:guest@127.0.0.1')
  })

  test('is where its parts say, also with signs that mean something in a URL', () => {
    const parts = {
      RABBITMQ_HOST: 'broker',
      RABBITMQ_PORT: '5673',
      RABBITMQ_USERNAME: 'app',
      RABBITMQ_PASSWORD: 'p@:/s',
      RABBITMQ_VHOST: '/prod',
    }
    const { hostname, port, username, password, pathname } = new URL(rabbitMqUrl(parts))
    expect([hostname, port, username, decodeURIComponent(password), decodeURIComponent(pathname.slice(1))]).toEqual([
      ...['broker', '5673', 'app', 'p@:/s', '/prod'],
    ])
  })

  test('is where its URL says', () => {
    expect(rabbitMqUrl({ RABBITMQ_URL: 'amqps://broker' })).toBe('amqps://broker')
  })

  test('is refused by the name of the variable that makes no sense', () => {
    expect(() => rabbitMqUrl({ RABBITMQ_PORT: 'five' })).toThrow('RABBITMQ_PORT')
  })
})

describe('the Redis of the event store', () => {
  test('is a Redis of its own where its variables say so', () => {
    const own = {
      REDIS_EVENT_STORE_HOST: 'events',
      REDIS_EVENT_STORE_PORT: '6380',
      REDIS_EVENT_STORE_PASSWORD: 'p@',
      REDIS_EVENT_STORE_DB: '1',
    }
    expect(redisStoreUrl({ ...own, REDIS_URL: 'redis://broker' })).toBe('redis://:p%40@events:6380/1')
    expect(redisStoreUrl({ REDIS_EVENT_STORE_URL: 'redis://events/2' })).toBe('redis://events/2')
  })

  test("is the broker's where they do not", () => {
    expect(redisStoreUrl({ REDIS_URL: 'redis://broker' })).toBe('redis://broker')
    expect(redisStoreUrl({})).toBe(redisUrl({}))
  })
})
