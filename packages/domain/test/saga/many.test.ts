import { randomUUID } from 'node:crypto'
import { type ISagaStore, staticSchema } from '@interline/core'
import { defineSaga, SagaManager } from '@interline/domain'
import { MemorySagaStore } from '@interline/memory'
import { PostgresSagaStore } from '@interline/postgres'
import { RedisSagaStore } from '@interline/redis'
import { expect, test } from 'vitest'
import { dropSchema, postgresUrl, redisUrl, removeKeys } from '../places.js'

const sagas = process.env.INTERLINE_TEST_SCALE === 'full' ? 1_000 : 200

interface Store extends ISagaStore {
  close?(): unknown
}

const shared = new MemorySagaStore()
const stores: Record<string, (namespace: string) => Store> = {
  memory: () => shared,
  redis: (prefix) => new RedisSagaStore({ url: redisUrl, prefix }),
  postgres: (schema) => new PostgresSagaStore({ url: postgresUrl, schema, maxConnections: 4 }),
}

const cleanUps: Readonly<Record<string, (namespace: string) => Promise<unknown>>> = { redis: removeKeys, postgres: dropSchema }

test.each(Object.entries(stores))(
  'G04 on %s: many sagas at once over four managers, one in ten failing: every step runs once, and the balances are right',
  { timeout: 120_000 },
  async (kind, create) => {
    const namespace = `it_many_${randomUUID().slice(0, 8)}`
    const balances = new Map([
      ['payer', 0],
      ['payee', 0],
    ])
    const move = (account: string, by: number): void => void balances.set(account, (balances.get(account) as number) + by)
    let runs = 0
    const Transfer = defineSaga('Transfer', {
      state: staticSchema<{ amount: number; refused: boolean }>(),
      steps: (step) => [
        step(
          'debit',
          async ({ amount }) => {
            runs++
            await new Promise(setImmediate)
            move('payer', -amount)
          },
          ({ amount }) => move('payer', amount),
        ),
        step('check', ({ refused }) => {
          runs++
          if (refused) throw new Error('refused')
        }),
        step('credit', ({ amount }) => {
          runs++
          move('payee', amount)
        }),
      ],
    })
    const open: Store[] = []
    const managers = Array.from({ length: 4 }, () => {
      const store = create(namespace)
      open.push(store)
      return new SagaManager({ store, pollMs: 20 }).register(Transfer)
    })
    try {
      await Promise.all(managers.map((manager) => manager.start()))
      const amounts = Array.from({ length: sagas }, (_, index) => index + 1)
      await Promise.all(
        amounts.map((amount, index) =>
          managers[index % 4]!.startSaga(Transfer, { id: `${index}`, state: { amount, refused: index % 10 === 0 } }),
        ),
      )
      await Promise.all(managers.map((manager) => manager.idle()))
      const [first] = managers
      expect(await first!.count({ status: 'completed' })).toBe((sagas / 10) * 9)
      expect(await first!.count({ status: 'compensated' })).toBe(sagas / 10)
      const moved = amounts.filter((_, index) => index % 10 !== 0).reduce((sum, amount) => sum + amount, 0)
      expect(Object.fromEntries(balances)).toEqual({ payer: -moved, payee: moved })
      expect(runs).toBe((sagas / 10) * 9 * 3 + (sagas / 10) * 2)
    } finally {
      for (const manager of managers) await manager.close()
      for (const store of open) await store.close?.()
      await cleanUps[kind]?.(namespace)
    }
  },
)
