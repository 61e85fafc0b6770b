// A process that works on sagas, from the compiled packages, and dies after so many places as its parent says.

import { staticSchema } from '@interline/core'
import { defineSaga, SagaManager } from '@interline/domain'
import { PostgresSagaStore } from '@interline/postgres'
import { RedisSagaStore } from '@interline/redis'
import { Redis } from 'ioredis'

const { kind, options, redisUrl, effects, sagas, places } = JSON.parse(process.argv[2])
const redis = new Redis(redisUrl)
let left = places
const mayDie = () => {
  if (--left === 0) process.kill(process.pid, 'SIGKILL')
}
const stepOf = (step, index) =>
  step(
    `s${index}`,
    async (state, { id, idempotencyKey }) => {
      mayDie()
      if (index === 3 && Number(id) % 10 === 0) throw new Error('no stock')
      await redis.sadd(`${effects}:done`, idempotencyKey)
      await redis.hincrby(`${effects}:runs`, idempotencyKey, 1)
      state.steps = [...state.steps, index]
      mayDie()
    },
    async (state, { idempotencyKey }) => {
      mayDie()
      await redis.sadd(`${effects}:undone`, idempotencyKey)
      state.steps = state.steps.filter((each) => each !== index)
      mayDie()
    },
  )
const Order = defineSaga('Order', {
  state: staticSchema(),
  retry: { maxAttempts: 1_000 },
  steps: (step) => [0, 1, 2, 3, 4].map((index) => stepOf(step, index)),
})

const store = kind === 'postgres' ? new PostgresSagaStore(options) : new RedisSagaStore(options)
const manager = new SagaManager({ store, leaseMs: 500, pollMs: 50 }).register(Order)
await manager.start()
for (let id = 0; id < sagas; id++) {
  if ((await manager.find('Order', String(id))) === undefined) {
    await manager.startSaga(Order, { id: String(id), state: { steps: [] } }).catch((error) => {
      if (!error.message.includes('already')) throw error
    })
  }
}
process.send?.('started all')
