import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { FaultProxy, findServer, freePort, startNats, startPostgres, startRabbitMq, startRedis, waitFor, within } from '../src/index.js'
import { natsAnswers } from '../src/servers/nats-probe.js'
import { postgresAnswers } from '../src/servers/postgres-probe.js'
import { redisAnswers } from '../src/servers/redis-probe.js'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** Answers every chunk with itself in capitals, and remembers what it got. */
async function shouting(): Promise<{ readonly port: number; readonly heard: string[]; readonly server: Server }> {
  const heard: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      heard.push(chunk.toString())
      socket.write(chunk.toString().toUpperCase())
    })
  })
  const port = await freePort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  cleanUps.push(() => server.close())
  return { port, heard, server }
}

async function proxied(port: number): Promise<FaultProxy> {
  const proxy = await FaultProxy.start({ port })
  cleanUps.push(() => proxy.close())
  return proxy
}

interface Caller {
  readonly socket: Socket
  readonly chunks: string[]
  readonly closed: () => boolean
  error(): string | undefined
}

function call(port: number): Caller {
  const socket = connect(port, '127.0.0.1')
  const chunks: string[] = []
  let closed = false
  let error: string | undefined
  socket.on('data', (chunk) => chunks.push(chunk.toString()))
  socket.on('error', (thrown: NodeJS.ErrnoException) => {
    error = thrown.code
  })
  socket.on('close', () => {
    closed = true
  })
  cleanUps.push(() => socket.destroy())
  return { socket, chunks, closed: () => closed, error: () => error }
}

describe('the fault proxy', () => {
  test('passes bytes both ways while nothing is wrong', async () => {
    const proxy = await proxied((await shouting()).port)
    const { socket, chunks } = call(proxy.port)
    socket.write('hello')
    await waitFor(() => chunks.join('') === 'HELLO')
    expect(proxy.connections).toBe(1)
    socket.end()
    await waitFor(() => proxy.open === 0, { what: 'the closed connection to be forgotten' })
  })

  test('drops replies: the request arrives, the answer does not, and healing resets the connection', async () => {
    const { port, heard } = await shouting()
    const proxy = await proxied(port)
    const { socket, chunks, closed } = call(proxy.port)
    socket.write('one')
    await waitFor(() => chunks.length === 1)
    proxy.dropReplies()
    socket.write('two')
    await waitFor(() => proxy.lossy === 1)
    expect(heard).toEqual(['one', 'two'])
    proxy.heal()
    await waitFor(closed)
    expect(chunks).toEqual(['ONE'])
  })

  test('is a black hole, and gives out what it held once it is healed', async () => {
    const { port, heard } = await shouting()
    const proxy = await proxied(port)
    const { socket, chunks } = call(proxy.port)
    socket.write('one')
    await waitFor(() => chunks.length === 1)
    proxy.blackhole('requests')
    socket.write('two')
    const other = call(proxy.port)
    other.socket.write('three')
    await waitFor(() => proxy.open === 2)
    expect(heard).toEqual(['one'])
    proxy.heal()
    await waitFor(() => heard.length === 3 && chunks.join('') === 'ONETWO')
    proxy.blackhole('replies')
    socket.write('four')
    await waitFor(() => heard.includes('four'))
    expect(chunks.join('')).toBe('ONETWO')
    proxy.heal()
    await waitFor(() => chunks.join('') === 'ONETWOFOUR')
  })

  test('cuts what is open, and refuses what is new', async () => {
    const proxy = await proxied((await shouting()).port)
    const first = call(proxy.port)
    first.socket.write('one')
    await waitFor(() => first.chunks.length === 1)
    proxy.cut()
    await waitFor(first.closed)
    expect(first.error()).toBe('ECONNRESET')
    proxy.refuse()
    const second = call(proxy.port)
    await waitFor(second.closed)
    proxy.heal()
    const third = call(proxy.port)
    third.socket.write('three')
    await waitFor(() => third.chunks.join('') === 'THREE')
  })

  test('slices and delays, and keeps the order', async () => {
    const { port, heard } = await shouting()
    const proxy = await proxied(port)
    const { socket, chunks } = call(proxy.port)
    proxy.slice(1)
    socket.write('abcdef')
    await waitFor(() => chunks.join('') === 'ABCDEF')
    expect(heard.length).toBeGreaterThan(1)
    proxy.heal()
    proxy.latency(40)
    const began = performance.now()
    socket.write('slow')
    await waitFor(() => heard.join('').length > 6)
    expect(performance.now() - began).toBeGreaterThanOrEqual(38)
    proxy.heal()
    socket.write('fast')
    await waitFor(() => chunks.join('') === 'ABCDEFSLOWFAST')
  })
})

describe('a private Redis', () => {
  test('is killed and comes back with its data, its port and its password', { timeout: 30_000 }, async () => {
    await using redis = await startRedis({ requirePass: 'open sesame' })
    expect(await redisAnswers({ port: redis.port, password: 'open sesame' })).toBe(true)
    expect(await redisAnswers({ port: redis.port, password: 'wrong' })).toBe(false)
    expect(redis.url).toContain(`:open%20sesame@127.0.0.1:${redis.port}`)
    await redis.kill()
    expect(redis.running).toBe(false)
    expect(await redisAnswers({ port: redis.port })).toBe(false)
    await redis.start()
    expect(await redisAnswers({ port: redis.port, password: 'open sesame' })).toBe(true)
    redis.pause()
    expect(await redisAnswers({ port: redis.port, password: 'open sesame', limitMs: 100 })).toBe(false)
    redis.resume()
    await waitFor(() => redisAnswers({ port: redis.port, password: 'open sesame' }))
  })

  test('says when its port is taken', { timeout: 30_000 }, async () => {
    const { port } = await shouting()
    await expect(within(startRedis({ port }), 15_000, 'startRedis')).rejects.toThrow(`port ${port}`)
  })
})

describe('a private PostgreSQL', () => {
  test('is killed and comes back with its data folder and its port', { timeout: 60_000 }, async () => {
    await using postgres = await startPostgres({ password: 'open sesame' })
    expect(postgres.url).toContain(`:open%20sesame@127.0.0.1:${postgres.port}`)
    await postgres.kill()
    expect(postgres.running).toBe(false)
    expect(await postgresAnswers({ port: postgres.port })).toBe(false)
    await postgres.start()
    expect(await postgresAnswers({ port: postgres.port })).toBe(true)
  })
})

test('a server named by its variable is taken, and one that does not answer is an error', async () => {
  await using redis = await startRedis()
  const before = process.env.REDIS_URL
  cleanUps.push(() => {
    if (before === undefined) delete process.env.REDIS_URL
    else process.env.REDIS_URL = before
  })
  process.env.REDIS_URL = redis.url
  expect(await findServer('redis')).toEqual({ url: redis.url, by: 'environment' })
  process.env.REDIS_URL = `redis://:secret@127.0.0.1:${await freePort()}`
  await expect(findServer('redis')).rejects.toThrow(/^(?!.*secret).*REDIS_URL/)
})

describe('a private NATS', () => {
  test('is killed and comes back with its port and its password', { timeout: 30_000 }, async () => {
    await using nats = await startNats({ user: 'shop', password: 'open sesame/' })
    const right = { port: nats.port, user: 'shop', password: 'open sesame/' }
    expect(await natsAnswers(right)).toBe(true)
    expect(await natsAnswers({ ...right, password: 'wrong' })).toBe(false)
    expect(await natsAnswers({ port: nats.port })).toBe(false)
    expect(nats.url).toBe(`nats://shop:open%20sesame%2F@127.0.0.1:${nats.port}`)
    await nats.kill()
    expect(nats.running).toBe(false)
    expect(await natsAnswers(right)).toBe(false)
    await nats.start()
    expect(await natsAnswers(right)).toBe(true)
  })

  test('of somebody else is no NATS', async () => {
    expect(await natsAnswers({ port: (await shouting()).port, limitMs: 200 })).toBe(false)
  })
})

test('RABBITMQ_URL names the server, and a private node is killed and comes back with what it has', async () => {
  const before = process.env.RABBITMQ_URL
  cleanUps.push(() => {
    if (before === undefined) delete process.env.RABBITMQ_URL
    else process.env.RABBITMQ_URL = before
  })
  const node = await startRabbitMq({ password: 'open sesame' })
  cleanUps.push(() => node.close())
  process.env.RABBITMQ_URL = node.url
  expect(await findServer('rabbitmq')).toEqual({ url: node.url, by: 'environment' })
  process.env.RABBITMQ_URL = node.url.replace('open', 'shut')
  await expect(findServer('rabbitmq')).rejects.toThrow(/^(?!.*sesame).*RABBITMQ_URL/)
  await node.control('add_vhost', 'kept')
  await node.restart()
  expect(await node.control('list_vhosts')).toContain('kept')
}, 120_000)
