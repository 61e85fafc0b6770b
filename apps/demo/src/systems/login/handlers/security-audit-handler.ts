import { BaseEventHandler, EventHandler, HandleEvent } from 'interline'
import { AccountLockedEvent, LoginFailedEvent, type SecurityEvent, SuspiciousActivityDetectedEvent, UserLoggedInEvent } from '../events.js'

export type Severity = 'low' | 'medium' | 'high' | 'critical'

export interface SecurityLog {
  readonly eventId: string
  readonly eventType: string
  readonly correlationId: string
  readonly userId: string
  readonly severity: Severity
  readonly at: Date
  readonly summary: string
}

export interface SecurityLogQuery {
  readonly userId?: string | undefined
  readonly severity?: Severity | undefined
  /** Included. */
  readonly startDate?: Date | undefined
  /** Not included. */
  readonly endDate?: Date | undefined
}

/** Keeps every security event, once. It has a group of its own: nothing that is slow elsewhere holds the audit back. */
@EventHandler([UserLoggedInEvent, LoginFailedEvent, AccountLockedEvent, SuspiciousActivityDetectedEvent], { group: 'security-audit' })
export class SecurityAuditHandler extends BaseEventHandler<SecurityEvent> {
  readonly #logs = new Map<string, SecurityLog>()
  #repeated = 0

  /** How often an event came that was there already: a broker delivers again where it can't know what was handled. */
  get repeated(): number {
    return this.#repeated
  }

  @HandleEvent()
  async handle(event: SecurityEvent): Promise<void> {
    const { eventId, eventType, correlationId, userId, timestamp } = event
    if (this.#logs.has(eventId)) this.#repeated++
    else this.#logs.set(eventId, { eventId, eventType, correlationId, userId, at: timestamp, ...judge(event) })
  }

  /** By every part of the query that is given, in the order of time. */
  getSecurityLogs({ userId, severity, startDate, endDate }: SecurityLogQuery = {}): readonly SecurityLog[] {
    const wanted = (log: SecurityLog): boolean =>
      (userId === undefined || log.userId === userId) &&
      (severity === undefined || log.severity === severity) &&
      (startDate === undefined || log.at >= startDate) &&
      (endDate === undefined || log.at < endDate)
    // accounts come one beside the other, each in its own order
    return [...this.#logs.values()].filter(wanted).sort((one, other) => one.at.getTime() - other.at.getTime())
  }

  /** Forgets what happened before. Answers how much that was. */
  clearOldLogs(before: Date): number {
    const old = this.getSecurityLogs({ endDate: before })
    for (const { eventId } of old) this.#logs.delete(eventId)
    return old.length
  }
}

function judge(event: SecurityEvent): Pick<SecurityLog, 'severity' | 'summary'> {
  const from = `from ${event.from.ipAddress} (${event.from.country})`
  switch (event.eventType) {
    case 'UserLoggedIn':
      return { severity: 'low', summary: `logged in ${from}` }
    case 'LoginFailed':
      return { severity: 'medium', summary: `login failed ${from}: ${event.reason}` }
    case 'AccountLocked':
      return { severity: 'high', summary: `locked until ${event.lockedUntil}, after guesses ${from}` }
    case 'SuspiciousActivityDetected':
      return { severity: 'critical', summary: `suspicious activity ${from}: ${event.anomalies.join(', ')}` }
    default:
      return event satisfies never
  }
}
