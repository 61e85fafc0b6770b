import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { type PrivateRedis, startRedis, waitFor } from '@interline/testing'
import { createBus, type IEventBus } from 'interline'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { activityOf, deeds, newKind } from '../../src/systems/gamifier/activities.js'
import { isRobot } from '../../src/systems/gamifier/activity-handler.js'
import { Leaderboard } from '../../src/systems/gamifier/leaderboard.js'
import { Player } from '../../src/systems/gamifier/player.js'
import { historyOf } from '../../src/systems/gamifier/report/history.js'
import { recount } from '../../src/systems/gamifier/report/recount.js'
import { RuleBook } from '../../src/systems/gamifier/rules.js'

const limitMs = 60_000
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const program = join(import.meta.dirname, 'gamifier-worker.mjs')
const workers: ChildProcess[] = []
let server: PrivateRedis
let redis: { readonly url: string; readonly prefix: string }
let bus: IEventBus
let leaderboard: Leaderboard

beforeAll(async () => {
  server = await startRedis()
})
beforeEach(async () => {
  redis = { url: server.url, prefix: randomUUID() }
  bus = createBus({ service: 'gamifier', logger: quiet, broker: { type: 'redis', redis }, store: { type: 'redis', redis } })
  await bus.start()
  leaderboard = new Leaderboard(bus.getStore())
})
afterEach(async () => {
  for (const worker of workers.splice(0)) worker.kill('SIGKILL')
  await leaderboard[Symbol.asyncDispose]()
  await bus.close()
})
afterAll(() => server?.close())

async function startWorker(): Promise<ChildProcess> {
  const worker = spawn(process.execPath, [program, JSON.stringify(redis)], { stdio: ['ignore', 'pipe', 'inherit'] })
  workers.push(worker)
  await once(worker.stdout!, 'data')
  return worker
}

const rules = new RuleBook()
rules.add(newKind, 6)
const people = deeds().filter(({ player }) => !isRobot(player))
const stored = (): Promise<number> => Promise.resolve(bus.getStore().countAfter(undefined))

/** What is stored when everybody's deeds are counted: they themselves, and what comes of them. */
function allEvents(): number {
  const players = new Map<string, Player>()
  for (const deed of people) {
    const player = players.get(deed.player) ?? new Player(deed.player)
    players.set(deed.player, player)
    player.earn(deed, rules.pointsFor(deed.kind), { correlationId: deed.delivery, causationId: deed.delivery })
  }
  return [...players.values()].reduce((sum, { changes }) => sum + changes.length, deeds().length)
}

async function expectToBeAtIt(): Promise<void> {
  await waitFor(async () => (await stored()) > deeds().length + 50, { limitMs: 20_000, what: 'the work to be under way' })
  expect(await stored()).toBeLessThan(allEvents())
}

/** By whoever is there to handle them: each is counted, and none twice. */
async function expectAllCounted(): Promise<void> {
  await waitFor(async () => (await stored()) >= allEvents(), { limitMs: 20_000, what: 'every deed to be counted' })
  expect(await historyOf(bus.getStore())).toMatchObject({ deeds: people.length, gaps: [], repeated: [] })
  await leaderboard.start()
  const standings = await leaderboard.standings()
  expect(standings.map(({ player, points, streak }) => ({ player, points, streak }))).toEqual(recount(deeds(), rules, new Map()))
}

test('a process is killed over its work: another one goes on, and every deed is counted once', { timeout: limitMs }, async () => {
  const victim = await startWorker()
  await bus.publishBatch(deeds().map(activityOf))
  await expectToBeAtIt()
  victim.kill('SIGKILL')
  await once(victim, 'exit')
  await startWorker()
  await expectAllCounted()
})

test('Redis dies over the work of two processes and comes back: every deed is counted once', { timeout: limitMs }, async () => {
  await Promise.all([startWorker(), startWorker()])
  await bus.publishBatch(deeds().map(activityOf))
  await expectToBeAtIt()
  await server.kill()
  await server.start()
  await expectAllCounted()
})
