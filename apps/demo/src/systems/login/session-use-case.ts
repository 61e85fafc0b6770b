import type { IEventBus } from 'interline'
import type { AuthRepository } from './account/auth-repository.js'
import { isSuspicious } from './account/profile.js'
import type { Sessions } from './account/sessions.js'
import { type Origin, sightingOf } from './account/sighting.js'
import { SuspiciousActivityDetectedEvent } from './events.js'

export interface SessionRequest extends Origin {
  readonly token: string
  /** Default: now. */
  readonly receivedAt?: Date | undefined
}

/** `ended`: there is no such session, or none any more. */
export type SessionResult = 'accepted' | 'refused' | 'ended'

/** Any request after the login. One that can't come from who logged in is refused, and the session's login is what its event belongs to. */
export class SessionUseCaseWithEvents {
  readonly #repository: AuthRepository
  readonly #eventBus: IEventBus
  readonly #sessions: Sessions

  constructor(repository: AuthRepository, eventBus: IEventBus, sessions: Sessions) {
    this.#repository = repository
    this.#eventBus = eventBus
    this.#sessions = sessions
  }

  async execute(request: SessionRequest): Promise<SessionResult> {
    const session = this.#sessions.find(request.token)
    const account = session && (await this.#repository.findById(session.userId))
    if (session === undefined || account === undefined) return 'ended'
    const timestamp = request.receivedAt ?? new Date()
    const seen = sightingOf(request, timestamp)
    const anomalies = account.profile.anomaliesOf(seen)
    if (!isSuspicious(anomalies)) {
      account.profile.learn(seen)
      return 'accepted'
    }
    const { correlationId } = session
    await this.#eventBus.publish(new SuspiciousActivityDetectedEvent(account.userId, anomalies, seen, { correlationId, timestamp }))
    return 'refused'
  }
}
