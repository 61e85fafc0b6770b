import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { ConnectionError, type IEventBus } from '@interline/core'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import type { PrivateServer } from '../contract/broker-options.js'
import { numbers, range, type ThingEvent, ThingMade, things } from '../contract/events.js'
import type { Room } from '../contract/room.js'
import { recorder } from '../waiting/recorder.js'
import { waitFor, within } from '../waiting/wait-for.js'

const connectTimeoutMs = 2_000
const recoveryLimitMs = 15_000

async function privateServer(room: Room): Promise<PrivateServer> {
  const server = await (room.options.server ?? assert.fail())()
  room.defer(async () => server[Symbol.asyncDispose]())
  return server
}

async function serverIsKilled(room: Room): Promise<void> {
  const server = await privateServer(room)
  const busOf = (service: string): IEventBus => room.bus({ service, broker: server.create(room.namespace) })
  const consumer = busOf('suite')
  const seen = recorder<ThingEvent>()
  await consumer.subscribe(ThingMade, seen.handle, { name: 'seen', order: 'none' })
  await consumer.start()
  const publisher = busOf('publisher')
  await publisher.start()
  const events = things(room.count(10_000, 2_000))
  const kills = [Math.floor(events.length / 3), Math.floor(events.length / 2)]
  const accepted: number[] = []
  let rejected = 0
  let next = 0
  let restarting: Promise<void> = Promise.resolve()
  await Promise.all(
    range(20).map(async () => {
      for (let event = events[next++]; event !== undefined; event = events[next++]) {
        const { n } = event.data
        if (kills.includes(n)) restarting = restarting.then(() => server.kill()).then(() => server.start())
        await publisher.publish(event).then(
          () => accepted.push(n),
          () => (rejected += 1),
        )
      }
    }),
  )
  await restarting
  assert.equal(accepted.length + rejected, events.length, 'every publish has an answer')
  assert.ok(accepted.length > events.length / 2, `most are accepted, and ${rejected} were rejected`)
  const missing = (): readonly number[] => {
    const got = new Set(numbers(seen.events))
    return accepted.filter((n) => !got.has(n))
  }
  await waitFor(() => seen.handled.length >= accepted.length && missing().length === 0, {
    what: 'every resolved publish to be received',
    limitMs: recoveryLimitMs,
    progress: () => seen.handled.length,
  })
}

async function cannotConnect(room: Room): Promise<void> {
  const server = await privateServer(room)
  for (const fault of ['password', 'port'] as const) {
    const { broker, secrets } = server.createWrong(fault, room.namespace)
    const bus = room.bus({ broker, connectTimeoutMs })
    await bus.subscribe(ThingMade, () => undefined, { name: 'seen' })
    await refusesToStart(bus, secrets, `wrong ${fault}`)
  }
}

async function serverComesBack(room: Room): Promise<void> {
  const server = await privateServer(room)
  await server.kill()
  const bus = room.bus({ broker: server.create(room.namespace), connectTimeoutMs })
  const seen = recorder<ThingEvent>()
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await refusesToStart(bus, [], 'server down')
  await server.start()
  await within(bus.start(), recoveryLimitMs, 'start, with the server back')
  await bus.publish(ThingMade({ n: 1 }))
  await room.handled(seen, 1)
}

async function refusesToStart(bus: IEventBus, secrets: readonly string[], what: string): Promise<void> {
  const began = performance.now()
  const error = await within(
    bus.start().then(
      () => assert.fail(`${what}: start must be rejected`),
      (thrown: unknown) => thrown,
    ),
    connectTimeoutMs * 3,
    `start with a ${what}`,
  )
  assert.ok(error instanceof ConnectionError, `${what}: a ConnectionError, and not ${inspect(error, { depth: 0 })}`)
  assert.ok(performance.now() - began < connectTimeoutMs * 2, `${what}: within the deadline`)
  const everything = inspect(error, { depth: 10, showHidden: true })
  for (const secret of secrets) assert.ok(!everything.includes(secret), `${what}: the error shows a secret`)
}

async function healthFollowsTheServer(room: Room): Promise<void> {
  const server = await privateServer(room)
  const bus = room.bus({ broker: server.create(room.namespace) })
  await bus.subscribe(ThingMade, () => undefined, { name: 'seen' })
  await bus.start()
  let status = ''
  const becomes = (expected: readonly string[]): Promise<void> =>
    room.waitFor(
      async () => {
        status = (await bus.health()).status
        return expected.includes(status)
      },
      { what: `health "${expected.join('" or "')}"`, progress: () => status },
    )
  await becomes(['pass'])
  await server.kill()
  await becomes(['fail'])
  await server.start()
  await becomes(['pass'])
}

async function longHandler(room: Room): Promise<void> {
  const leaseMs = room.options.leaseMs ?? assert.fail()
  const seen = recorder<ThingEvent>(({ data }) => (data.n === 0 ? new Promise((resolve) => setTimeout(resolve, 3 * leaseMs)) : undefined))
  const consumers = [room.bus(), room.bus()]
  for (const consumer of consumers) await consumer.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await Promise.all(consumers.map((consumer) => consumer.start()))
  await room.bus({ service: 'publisher' }).publishBatch(things(20, 0))
  await seen.waitForCount(20, { limitMs: room.limits.gapMs + 3 * leaseMs })
  await room.drained(...consumers)
  assert.equal(seen.runs.length, 20, 'nothing is given to another consumer while its handler runs')
  assert.ok(seen.runs.every(({ attempt, context }) => attempt === 1 && !context.signal.aborted))
}

const durable = (capabilities: { readonly durable: boolean }): boolean => capabilities.durable

export const serverCases: readonly BrokerCase[] = cases(
  {
    id: 'B14',
    title: 'broker restarts: killed at 1/3 and 1/2 of the events, every resolved publish is received',
    needs: durable,
    hooks: ['server'],
    run: serverIsKilled,
  },
  { id: 'B27', title: 'cannot connect: a clear error within the deadline, without a secret', hooks: ['server'], run: cannotConnect },
  { id: 'B27', title: 'cannot connect: when the server is back, it works without a restart', hooks: ['server'], run: serverComesBack },
  {
    id: 'B29',
    title: 'long handler: of three times the lease, and it stays with its consumer',
    needs: ({ groups }) => groups !== false,
    hooks: ['leaseMs'],
    run: longHandler,
  },
  { id: 'B30', title: 'health: it goes with the server, and comes back with it', hooks: ['server'], run: healthFollowsTheServer },
)
