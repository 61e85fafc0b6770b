import { randomUUID } from 'node:crypto'
import { staticSchema } from '@interline/core'
import { defineSaga, SagaManager } from '@interline/domain'
import { PostgresSagaStore } from '@interline/postgres'
import type { Server } from '../postgres/server.js'
import type { Contestant } from '../rounds.js'

interface Trip {
  readonly done: readonly number[]
}

const steps = 5
const atOnce = 100
const table = 'raw_sagas'

const Trip = defineSaga('BenchTrip', {
  state: staticSchema<Trip>(),
  steps: (step) => Array.from({ length: steps }, (_, index) => step(`s${index}`, ({ done }) => ({ done: [...done, index] }))),
})

/** Sagas of five steps: by hand, as six statements on a pool, and by a manager. */
export async function sagas(server: Server): Promise<readonly Contestant[]> {
  return [byHand(server), await managed(server)]
}

/** What a careful hand writes: a row with its state, and a version that each step checks. */
function byHand({ pool, schema }: Server): Contestant {
  const name = `"${schema}"."${table}"`
  const insert = { name: 'saga-insert', text: `INSERT INTO ${name} (id, revision, body) VALUES ($1, 1, $2)` }
  const update = { name: 'saga-update', text: `UPDATE ${name} SET revision = revision + 1, body = $3 WHERE id = $1 AND revision = $2` }
  return {
    name: 'six prepared statements',
    async prepare() {
      await pool.query(`CREATE TABLE IF NOT EXISTS ${name} (id text PRIMARY KEY, revision int NOT NULL, body text NOT NULL)`)
    },
    run: (events) =>
      inParallel(events, async () => {
        const id = randomUUID()
        let body: Trip = { done: [] }
        await pool.query({ ...insert, values: [id, JSON.stringify(body)] })
        for (let index = 0; index < steps; index++) {
          body = { done: [...body.done, index] }
          const { rowCount } = await pool.query({ ...update, values: [id, index + 1, JSON.stringify(body)] })
          if (rowCount !== 1) throw new Error('A saga was written by somebody else.')
        }
      }),
  }
}

async function managed({ pool, schema }: Server): Promise<Contestant> {
  const store = new PostgresSagaStore({ client: pool, schema })
  const manager = new SagaManager({ store, concurrency: atOnce }).register(Trip)
  await manager.start()
  let ids: string[] = []
  return {
    name: 'SagaManager',
    async run(events) {
      ids = Array.from({ length: events }, () => randomUUID())
      const left = [...ids]
      await inParallel(events, async () => void (await manager.startSaga(Trip, { id: left.pop() as string, state: { done: [] } })))
      await manager.idle()
    },
    async check() {
      for (const id of ids.slice(-10)) {
        const found = await manager.find<Trip>('BenchTrip', id)
        if (found?.status !== 'completed' || found.state.done.length !== steps) throw new Error(`The saga ${id} is ${found?.status}.`)
      }
      if ((await manager.count({ status: 'running' })) > 0) throw new Error('Sagas are left over.')
    },
    async close() {
      await manager.close()
      await store.close()
    },
  }
}

async function inParallel(count: number, work: () => Promise<void>): Promise<void> {
  let left = count
  const worker = async (): Promise<void> => {
    while (left-- > 0) await work()
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
