import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ComponentHealth, EventBus, type HealthReport } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { fetchHandler, HealthEndpoints, nodeHandler } from '@interline/telemetry'
import { VirtualClock } from '@interline/testing'
import { describe, expect, it } from 'vitest'

const well: HealthReport = { status: 'pass', checks: { 'redis:connection': [{ status: 'pass', time: '2030-01-01T00:00:00.000Z' }] } }
const ill: HealthReport = {
  status: 'fail',
  checks: { 'redis:connection': [{ status: 'fail', output: 'gone', time: '2030-01-01T00:00:00.000Z' }] },
}
const behind: HealthReport = { ...well, checks: { ...well.checks, 'redis:lag': [{ status: 'warn', time: '2030-01-01T00:00:00.000Z' }] } }

/** A bus that answers what it is told, and counts the questions. */
function busOf(report: () => HealthReport | Promise<HealthReport>) {
  const bus = {
    asked: 0,
    async health(): Promise<HealthReport> {
      bus.asked++
      return report()
    },
  }
  return bus
}

const get = (endpoints: HealthEndpoints, path: string, method = 'GET') =>
  fetchHandler(endpoints)(new Request(`http://here${path}`, { method }))

describe('health endpoints', () => {
  it('liveness passes and asks nobody, whatever has failed', async () => {
    const bus = busOf(() => ill)
    const answer = await get(new HealthEndpoints(bus), '/health/live')
    expect([answer.status, await answer.json(), bus.asked]).toEqual([200, { status: 'pass' }, 0])
    expect(answer.headers.get('content-type')).toBe('application/health+json')
  })

  it.each([
    ['pass', well, 200],
    ['warn', behind, 200],
    ['fail', ill, 503],
  ] as const)('readiness says %s and no more', async (status, report, code) => {
    const answer = await get(new HealthEndpoints(busOf(() => report)), '/health/ready')
    expect([answer.status, await answer.json()]).toEqual([code, { status }])
  })

  it('the detail holds every check, those of the program too, and the worst of them counts', async () => {
    const checks = { 'pool:connections': () => ({ status: 'warn', observedValue: 9, observedUnit: 'connections' }) as ComponentHealth }
    const answer = await get(
      new HealthEndpoints(
        busOf(() => well),
        { checks, serviceId: 'shop' },
      ),
      '/health',
    )
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      status: 'warn',
      serviceId: 'shop',
      checks: {
        'redis:connection': [{ status: 'pass' }],
        'pool:connections': [{ status: 'warn', observedValue: 9, time: expect.any(String) }],
      },
    })
  })

  it('a check of the program that hangs or throws has failed, and so has a bus that can not be asked', async () => {
    const checks = {
      'saga:store': () => new Promise<ComponentHealth>(() => undefined),
      'lock:store': () => Promise.reject(new Error('locked')),
    }
    const bus = busOf(() => Promise.reject(new Error('no bus')))
    const answer = await get(new HealthEndpoints(bus, { checks, timeoutMs: 10 }), '/health')
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({
      checks: {
        'saga:store': [{ output: expect.stringContaining('10 ms') }],
        'lock:store': [{ output: 'locked' }],
        'bus:health': [{ output: 'no bus' }],
      },
    })
  })

  it('many questions at a time are one question to the servers, and the answer holds for a second', async () => {
    const clock = new VirtualClock()
    const bus = busOf(() => well)
    const endpoints = new HealthEndpoints(bus, { clock })
    await Promise.all(Array.from({ length: 100 }, () => get(endpoints, '/health/ready')))
    await get(endpoints, '/health')
    expect(bus.asked).toBe(1)
    await clock.advance(1_000)
    await get(endpoints, '/health/ready')
    expect(bus.asked).toBe(2)
  })

  it('the detail can be kept from strangers', async () => {
    const authorize = ({ header }: { header: (name: string) => string | undefined }) => header('authorization') === 'let me in'
    const endpoints = new HealthEndpoints(
      busOf(() => well),
      { authorize },
    )
    expect((await get(endpoints, '/health')).status).toBe(403)
    const request = new Request('http://here/health', { headers: { authorization: 'let me in' } })
    expect((await fetchHandler(endpoints)(request)).status).toBe(200)
    expect((await get(endpoints, '/health/ready')).status).toBe(200)
    const broken = new HealthEndpoints(
      busOf(() => well),
      { authorize: () => Promise.reject(new Error('secret')) },
    )
    const refused = await get(broken, '/health')
    expect([refused.status, await refused.text()]).toEqual([500, 'The health could not be told (Error).'])
  })

  it('they know three paths and two methods', async () => {
    const endpoints = new HealthEndpoints(
      busOf(() => well),
      { path: '/internal/' },
    )
    expect((await get(endpoints, '/internal/ready')).status).toBe(200)
    expect((await get(endpoints, '/health')).status).toBe(404)
    expect((await get(endpoints, '/internal/ready', 'POST')).status).toBe(405)
    const head = await get(endpoints, '/internal', 'HEAD')
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it('they are mounted on node:http, and leave to others what is not theirs', async () => {
    await using bus = new EventBus({ broker: new MemoryBroker() })
    await bus.start()
    const handle = nodeHandler(new HealthEndpoints(bus))
    const server = createServer((request, response) => handle(request, response, () => response.writeHead(418).end('other')))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const [detail, elsewhere] = await Promise.all([fetch(`${origin}/health?verbose=1`), fetch(`${origin}/orders`)])
    server.close()
    expect([detail.status, elsewhere.status]).toEqual([200, 418])
    expect(await detail.json()).toMatchObject({
      status: 'pass',
      checks: { 'bus:state': [{ status: 'pass' }], 'memory:connection': [{ status: 'pass' }] },
    })
  })
})
