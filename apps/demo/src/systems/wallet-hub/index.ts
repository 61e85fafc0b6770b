import { MemoryBroker } from 'interline'
import type { System, SystemReport, World } from '../system.js'
import { checkLimit } from './business.js'
import { checksOf } from './checks.js'
import { Consumers } from './consumers.js'
import { Database } from './database.js'
import { Day } from './day.js'
import { localMember } from './members/member.js'
import { RemoteMember } from './members/remote-member.js'
import { OutboxWorker } from './outbox-worker.js'
import type { Outcome } from './outcome.js'
import { WalletHub } from './wallet-hub.js'

/** An embedded database has one connection, in this process. */
const transfers = { embedded: 120, server: 300 } as const

export const system: System = {
  title: 'transfers between wallets, by an outbox in PostgreSQL, to consumers in a process of their own',
  async run(world: World): Promise<SystemReport> {
    const outcome = await dayIn(world)
    return { figures: figuresOf(outcome), checks: checksOf(outcome) }
  },
}

/** What other processes can reach is used by other processes: the broker by consumers, the database by the relay. */
async function dayIn(world: World): Promise<Outcome> {
  const [broker, database] = [world.broker(), world.database()]
  const away = { broker: broker.type !== 'memory', database: 'url' in database.postgres }
  const carrier = away.broker ? broker : new MemoryBroker()
  await using tables = await Database.open(database)
  await using hub = new WalletHub(carrier, tables, checkLimit)
  await hub.start()
  await using worker =
    away.broker && away.database
      ? new RemoteMember<OutboxWorker>({ role: 'worker', broker, database }, world.say)
      : localMember(new OutboxWorker(carrier, tables))
  await worker.ask('start')
  await using consumers = away.broker
    ? new RemoteMember<Consumers>({ role: 'consumers', broker, database }, world.say)
    : localMember(new Consumers(carrier, tables))
  await consumers.ask('start')
  return await new Day({ hub, worker, consumers }).run(away.database ? transfers.server : transfers.embedded)
}

function figuresOf({ expected, published, report, deadLetters, during }: Outcome): SystemReport['figures'] {
  return {
    transfers: expected.transfers,
    'rolled back': expected.refused.length,
    'asked for twice': expected.repeated,
    events: expected.events,
    'sent again': expected.sentAgain,
    published,
    consumed: report.consumed,
    'dead letters': deadLetters.before,
    alerts: during.alerts.length,
  }
}
