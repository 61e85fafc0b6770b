import { type PrivateRedis, startRedis, waitFor } from '@interline/testing'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DemoProcess, figuresOf, runDemo } from './demo-process.js'

const limitMs = 90_000

let server: PrivateRedis
let redis: Redis

beforeAll(async () => {
  server = await startRedis({ appendOnly: false })
  redis = new Redis(server.url)
})

afterAll(async () => {
  redis?.disconnect()
  await server?.close()
})

/** How many events the workers of the one run on this server have in their statistics. */
async function handledSoFar(): Promise<number> {
  const [key] = await redis.keys('*:ledger}:handled:statistics')
  return key === undefined ? 0 : redis.scard(key)
}

test('on Redis everything adds up, and nothing is left behind', { timeout: limitMs }, async () => {
  const result = await runDemo(['webhooks', '--broker', 'redis', '--json'], { REDIS_URL: server.url })
  expect(result).toMatchObject({ code: 0, errors: '' })
  expect(figuresOf(result)).toMatchObject({ published: 329, deadLettered: 1, redriven: 1, lost: 0, broker: 'redis', problems: [] })
  expect(await redis.dbsize()).toBe(0)
})

test('a worker that is killed in the middle of it loses nothing', { timeout: limitMs }, async () => {
  const demo = new DemoProcess(['--broker', 'redis', '--workers', '2', '--events', '3000', '--json'], { REDIS_URL: server.url })
  await waitFor(async () => (await handledSoFar()) > 200, { limitMs: 30_000, what: 'the workers to be at it' })
  const [victim] = demo.workers
  expect(demo.workers).toHaveLength(2)
  process.kill(victim!, 'SIGKILL')
  const result = await demo.ended
  expect(result).toMatchObject({ code: 0, errors: '' })
  expect(result.lines.some((line) => line.includes(`(pid ${victim}) died of SIGKILL`))).toBe(true)
  expect(figuresOf(result)).toMatchObject({ published: 3_000, workersDied: 1, deadLettered: 1, redriven: 1, lost: 0, problems: [] })
  expect(await redis.dbsize()).toBe(0)
})

test('an interrupted run still handles what it has published, and ends its workers', { timeout: limitMs }, async () => {
  const demo = new DemoProcess(['--broker', 'redis', '--workers', '1', '--events', '200000', '--json'], { REDIS_URL: server.url })
  await waitFor(async () => (await handledSoFar()) > 100, { limitMs: 30_000, what: 'the worker to be at it' })
  demo.child.kill('SIGINT')
  const result = await demo.ended
  expect(result).toMatchObject({ code: 130, errors: '' })
  const figures = figuresOf(result)
  expect(figures).toMatchObject({ interrupted: true, workersDied: 0, lost: 0, problems: [] })
  expect(figures.published).toBeLessThan(200_000)
  expect(() => process.kill(demo.workers[0]!, 0)).toThrow('ESRCH')
})

test('a Redis that does not answer is said in one line', { timeout: limitMs }, async () => {
  const { code, errors } = await runDemo(['--broker', 'redis'], { REDIS_URL: 'redis://127.0.0.1:1' })
  expect(code).toBe(1)
  expect(errors.trimEnd().split('\n')).toHaveLength(1)
  expect(errors).toContain('127.0.0.1:1')
})
