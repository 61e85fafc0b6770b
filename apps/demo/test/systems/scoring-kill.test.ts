import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { SagaManager } from '@interline/domain'
import { PostgresEventStore, PostgresSagaStore } from '@interline/postgres'
import { type PrivatePostgres, startPostgres, waitFor } from '@interline/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AIScoringSaga, type ScoringData } from '../../src/systems/scoring/ai-scoring-saga.js'
import { recomputedRisk } from '../../src/systems/scoring/checks/recomputed.js'
import { byMonth, tradingDays } from '../../src/systems/scoring/market/trading-days.js'
import { resultIdOf } from '../../src/systems/scoring/plan.js'
import { Repositories } from '../../src/systems/scoring/repositories.js'

const worker = fileURLToPath(new URL('../fixtures/scoring-worker.mjs', import.meta.url))
const limitMs = 60_000

let postgres: PrivatePostgres
beforeAll(async () => {
  postgres = await startPostgres()
}, limitMs)
afterAll(() => postgres?.close())

/** Kills it where some sagas have ended, some have stored an end that their records do not know, and the others wait. */
async function runAndKill(url: string, schema: string): Promise<void> {
  const child = spawn(process.execPath, [worker, url, schema], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const ended = once(child, 'close')
  try {
    await waitFor(() => output.includes('stuck') && output.includes('began'), { limitMs })
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

test('another process goes on where one was killed: every scoring ends, and each of its events is there once', {
  timeout: limitMs,
}, async () => {
  const place = { url: postgres.url, schema: 'killed' }
  await runAndKill(place.url, place.schema)
  await using store = new PostgresEventStore(place)
  await using sagaStore = new PostgresSagaStore(place)
  const repositories = new Repositories({ store })
  const months = byMonth(tradingDays())
  expect(await sagaStore.count({ status: 'completed' })).toBeLessThan(10)

  await using sagas = new SagaManager({ store: sagaStore, pollMs: 50 }).register<ScoringData>(
    AIScoringSaga.type,
    ({ id, data }) => new AIScoringSaga(id, data, repositories),
  )
  await sagas.start()
  const ended = async (): Promise<number> => (await sagas.count({ status: 'completed' })) + (await sagas.count({ status: 'compensated' }))
  await waitFor(async () => (await ended()) === months.length, { limitMs })

  for (const { month } of months) {
    const risk = recomputedRisk(month)
    const types = (await store.getEvents(`ai-result:${resultIdOf(month)}`)).map(({ type }) => type)
    expect(types).toEqual(['AIResultCreated', risk === undefined ? 'AIResultFailed' : 'AIResultCompleted'])
    if (risk !== undefined) expect((await repositories.results.load(resultIdOf(month))).state).toMatchObject({ risk })
  }
})
