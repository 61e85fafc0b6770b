import type { IEventStore, IStoredEvents, RecordedEvent } from 'interline'
import { type Check, check } from '../../../report/check.js'
import { AuditLogCreated, UserAuthenticated } from '../events.js'
import { audited } from '../handlers/audit-trail.js'

/** Whether nothing happened unnoticed, and nobody reads what is secret. */
export async function auditChecks(store: IEventStore & IStoredEvents, secrets: readonly string[]): Promise<readonly Check[]> {
  const types = new Set<string>(audited.map(({ type }) => type))
  const happened: string[] = []
  const noted: string[] = []
  let readable = 0
  let authenticated = 0
  for await (const recorded of store.readAll()) {
    const { type = '', id = '' } = recorded.message.attributes
    if (types.has(type) && recorded.forward) happened.push(id)
    if (type === AuditLogCreated.type) noted.push(((await store.eventOf(recorded)) as ReturnType<typeof AuditLogCreated>).data.ofEvent)
    if (type === UserAuthenticated.type) authenticated++
    if (secrets.some((secret) => textOf(recorded).includes(secret))) readable++
  }
  return [
    check(
      `each of the ${happened.length} events that are audited has one entry`,
      happened.sort().join() === noted.sort().join(),
      `there are ${noted.length} entries of ${new Set(noted).size} events`,
    ),
    check(
      `the ${authenticated} addresses that people came from can't be read in the store`,
      authenticated === secrets.length && readable === 0,
      `${readable} can`,
    ),
  ]
}

function textOf({ message }: RecordedEvent): string {
  return JSON.stringify(message.data)
}
