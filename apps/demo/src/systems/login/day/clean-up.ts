import type { IEventStore, IStoredEvents, RecordedEvent } from 'interline'
import { type Check, check } from '../../../report/check.js'
import type { SecurityAuditHandler } from '../handlers/security-audit-handler.js'

/** Somebody asks to be forgotten, and the audit forgets the first half of what it has. */
export async function cleanUp(
  store: IEventStore & IStoredEvents,
  audit: SecurityAuditHandler,
  recorded: readonly RecordedEvent[],
): Promise<readonly Check[]> {
  const [first] = recorded
  if (first === undefined) return []
  const { stream } = first
  const correlationId = first.message.attributes.correlationid ?? ''
  const related = recorded.filter(({ message }) => message.attributes.correlationid === correlationId).length
  const found = (await store.getEventsByCorrelationId(correlationId)).length
  const before = (await store.getEvents(stream)).length
  await store.deleteStream(stream)
  const left = (await store.getEvents(stream)).length + (await store.getEventsByCorrelationId(correlationId)).length

  const logs = audit.getSecurityLogs()
  const times = logs.map(({ at }) => at.getTime()).sort((one, other) => one - other)
  const middle = new Date(times[Math.floor(times.length / 2)] ?? 0)
  const old = times.filter((time) => time < middle.getTime()).length
  const cleared = audit.clearOldLogs(middle)
  const kept = audit.getSecurityLogs().length
  return [
    check('a login is found by its correlation id', found === related && related > 0, `${found} of ${related}`),
    check('an account that is to be forgotten has no history', before > 0 && left === 0, `${left} of ${before} events are left`),
    check(
      `the audit forgets the ${old} entries before ${middle.toISOString()}`,
      cleared === old && kept === logs.length - old && audit.getSecurityLogs({ endDate: middle }).length === 0,
      `${cleared} are gone, and ${kept} left`,
    ),
  ]
}
