import type { BrokerChoice, PostgresChoice } from '../../../places/choices.js'
import type { Carrier } from '../carrier.js'
import { Consumers } from '../consumers.js'
import type { Database } from '../database.js'
import { OutboxWorker } from '../outbox-worker.js'
import { localMember, type Member } from './member.js'

/** What may run in a process of its own. */
export type Role = 'consumers' | 'worker'

/** What a process of its own needs to know. */
export interface Assignment {
  readonly role: Role
  readonly broker: BrokerChoice
  readonly database: PostgresChoice
}

export function memberFor(role: Role, broker: Carrier, database: Database): Member<Consumers> | Member<OutboxWorker> {
  return role === 'consumers' ? localMember(new Consumers(broker, database)) : localMember(new OutboxWorker(broker, database))
}
