import { EventHandler, HandleEvent } from 'interline'
import type { Sessions } from '../account/sessions.js'
import { AccountLockedEvent, SuspiciousActivityDetectedEvent } from '../events.js'

/** What can't wait for a broker: it sees critical events at once, in the process that they happen in, and in every other when they arrive. */
@EventHandler([AccountLockedEvent, SuspiciousActivityDetectedEvent], { broadcast: true })
export class SecurityDesk {
  readonly #sessions: Sessions
  readonly #alert: (line: string) => void
  readonly #seen: string[] = []

  constructor(sessions: Sessions, alert: (line: string) => void) {
    this.#sessions = sessions
    this.#alert = alert
  }

  /** Ids of events, in the order of their coming. */
  get seen(): readonly string[] {
    return this.#seen
  }

  @HandleEvent(AccountLockedEvent)
  locked({ eventId, userId, lockedUntil }: AccountLockedEvent): void {
    this.#seen.push(eventId)
    this.#alert(`${userId} is locked until ${lockedUntil}.`)
  }

  /** Its owner logs in again; whoever has a stolen session or password is out at once. */
  @HandleEvent(SuspiciousActivityDetectedEvent)
  suspicious({ eventId, userId, anomalies }: SuspiciousActivityDetectedEvent): void {
    this.#seen.push(eventId)
    this.#sessions.endAllOf(userId)
    this.#alert(`All sessions of ${userId} are ended: ${anomalies.join(', ')}.`)
  }
}
