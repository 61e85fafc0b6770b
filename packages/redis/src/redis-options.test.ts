import { ConfigurationError } from '@interline/core'
import { describe, expect, it } from 'vitest'
import { type RedisOptions, resolveConnection, resolveOptions } from './redis-options.js'

function messageOf(options: unknown): string {
  try {
    resolveOptions(options as RedisOptions)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    return (error as Error).message
  }
  return expect.fail('the options must be refused')
}

describe('options of the Redis broker', () => {
  it('have defaults', () => {
    expect(resolveOptions()).toMatchObject({ host: '127.0.0.1', port: 6379, prefix: 'interline', partitions: 8, maxEvents: 10_000 })
  })

  it('take the short names for retention, with seconds for ttl', () => {
    expect(resolveOptions({ ttl: 60, maxEvents: 5 })).toMatchObject({ maxAgeMs: 60_000, maxEvents: 5 })
    expect(resolveOptions({ ttl: 60 })).toMatchObject({ maxAgeMs: 60_000, maxEvents: undefined })
    expect(messageOf({ ttl: 60, retention: { maxAgeMs: 1 } })).toContain('Give one of them')
    expect(messageOf({ maxEvents: 1, retention: { maxEvents: 1 } })).toContain('Give one of them')
  })

  it.each([
    [{ hots: 'x' }, 'Unknown option redis.hots'],
    [{ retention: { maxEvent: 1 } }, 'Unknown option redis.retention.maxEvent'],
    [{ port: '6379' }, 'redis.port must be a whole number from 1 to 65535, and is a string'],
    [{ port: Number.NaN }, 'redis.port must be a whole number from 1 to 65535, and is the number NaN'],
    [{ partitions: 0 }, 'redis.partitions'],
    [{ retention: [] }, 'redis.retention must be an object, and is an array'],
    [{ client: {} }, 'redis.client must be an ioredis client'],
    [{ prefix: 'a{b' }, 'redis.prefix'],
    [{ url: 'http://localhost' }, 'redis.url must be a URL such as redis://'],
    [{ url: 'redis://a', host: 'b' }, 'redis.url and redis.host each say where Redis is'],
    [{ cluster: {} }, 'redis.cluster.nodes must be a list of addresses'],
    [{ cluster: { nodes: ['redis'] } }, 'redis.cluster.nodes must be a list of addresses'],
    [{ cluster: { nodes: ['a:1'], natMap: { b: { host: 'c', prot: 1 } } } }, 'Unknown option redis.cluster.natMap["b"].prot'],
    [{ cluster: { nodes: ['a:1'] }, url: 'redis://b' }, 'redis.url and redis.cluster each say where Redis is'],
    [{ cluster: { nodes: ['a:1'] }, db: 1 }, 'redis.db must be 0'],
    [{ order: 'keys' }, "redis.order must be 'key' or 'none'"],
    [{ waitForReplicas: -1 }, 'redis.waitForReplicas'],
    [null, 'redis must be an object, and is null'],
  ])('refuse %j, and say which one and what was expected', (options, expected) => {
    expect(messageOf(options)).toContain(expected)
  })

  it('never show a secret', () => {
    expect(messageOf({ password: ['hunter2'] })).not.toContain('hunter2')
    expect(messageOf({ url: 'http://:hunter2@host' })).not.toContain('hunter2')
  })

  it('know no prototype', () => {
    expect(messageOf(JSON.parse('{"__proto__": 1}'))).toContain('Unknown option redis.__proto__')
  })

  it('of a store are those of a connection only', () => {
    expect(() => resolveConnection({ partitions: 3 } as never)).toThrow('Unknown option redis.partitions')
  })
})
