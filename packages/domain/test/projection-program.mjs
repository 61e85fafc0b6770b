// A process that runs a projection of numbers, until it is killed.
import { defineEvent } from '@interline/core'
import { Projection } from '@interline/domain'
import { PostgresEventStore } from '@interline/postgres'
import { RedisEventStore } from '@interline/redis'
import { Redis } from 'ioredis'

const { kind, url, namespace } = JSON.parse(process.argv[2])
const Numbered = defineEvent('kill.Numbered')
const quiet = { warn: () => undefined, error: (message) => process.stderr.write(`${message}\n`) }
const common = { name: 'numbers', leaseMs: 400, pollMs: 20, batchSize: 25, logger: quiet }

const projections = {
  postgres() {
    const store = new PostgresEventStore({ url, schema: namespace, hints: false, maxConnections: 4, logger: quiet })
    return new Projection({
      ...common,
      store,
      setUp: ({ tx, target }) => tx.query(`CREATE TABLE IF NOT EXISTS "${namespace}".${target} (place serial, number integer)`),
    }).on(Numbered, ({ data }, { tx, target }) => tx.query(`INSERT INTO "${namespace}".${target} (number) VALUES ($1)`, [data.number]))
  },
  redis() {
    const client = new Redis(url)
    const store = new RedisEventStore({ url, prefix: namespace, logger: quiet })
    return new Projection({ ...common, store }).on(Numbered, ({ data }, { target }) => client.rpush(`${namespace}:${target}`, data.number))
  },
}

await projections[kind]().start()
process.send?.('ready')
