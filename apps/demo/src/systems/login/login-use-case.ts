import { createHmac, randomBytes } from 'node:crypto'
import { type IEventBus, newEventId } from 'interline'
import type { Account, AuthRepository } from './account/auth-repository.js'
import type { Lockout } from './account/lockout.js'
import { PasswordHasher } from './account/password-hasher.js'
import { isSuspicious } from './account/profile.js'
import { Sessions } from './account/sessions.js'
import { type Origin, type Sighting, sightingOf } from './account/sighting.js'
import { AccountLockedEvent, LoginFailedEvent, type RequestMetadata, SuspiciousActivityDetectedEvent, UserLoggedInEvent } from './events.js'
import { type Credentials, credentialsOf } from './login-request.js'

export interface LoginRequest extends Origin {
  readonly email: string
  readonly password: string
  /** Default: now. */
  readonly receivedAt?: Date | undefined
  /** Ties the events of this login together. Default: a new one. */
  readonly correlationId?: string | undefined
}

export type LoginResult =
  | { readonly status: 'logged-in'; readonly userId: string; readonly token: string; readonly correlationId: string }
  | { readonly status: 'invalid-credentials' | 'account-locked'; readonly correlationId: string }

export interface LoginOptions {
  readonly hasher?: PasswordHasher | undefined
  readonly sessions?: Sessions | undefined
}

/** Answers a login when its events are accepted: what is not on record did not happen, and rejects. */
export class LoginUseCaseWithEvents {
  readonly #repository: AuthRepository
  readonly #eventBus: IEventBus
  readonly #hasher: PasswordHasher
  readonly #sessions: Sessions
  readonly #pseudonymKey = randomBytes(32)

  constructor(repository: AuthRepository, eventBus: IEventBus, options: LoginOptions = {}) {
    this.#repository = repository
    this.#eventBus = eventBus
    this.#hasher = options.hasher ?? new PasswordHasher()
    this.#sessions = options.sessions ?? new Sessions()
  }

  /** Throws InvalidLoginRequestError for a request that can't be one. */
  async execute(request: LoginRequest): Promise<LoginResult> {
    const credentials = credentialsOf(request)
    const timestamp = request.receivedAt ?? new Date()
    const metadata = { correlationId: request.correlationId ?? newEventId(), timestamp }
    const seen = sightingOf(request, timestamp)
    const account = await this.#repository.findByEmail(credentials.email)
    const userId = account?.userId ?? this.#pseudonymOf(credentials.email)
    const lockout = await this.#repository.lockoutOf(userId)
    if (!lockout.begin(seen.at)) {
      await this.#eventBus.publish(new LoginFailedEvent(userId, 'account-locked', seen, metadata))
      return { status: 'account-locked', correlationId: metadata.correlationId }
    }
    const right = await this.#isRight(credentials, account, lockout)
    if (account !== undefined && right) return this.#succeeded(account, lockout, seen, metadata)
    const failed = new LoginFailedEvent(userId, account === undefined ? 'unknown-account' : 'wrong-password', seen, metadata)
    const lockedUntil = lockout.failed(seen.at)
    const locked = lockedUntil && new AccountLockedEvent(userId, lockedUntil.toISOString(), seen, metadata)
    await this.#eventBus.publishBatch(locked === undefined ? [failed] : [failed, locked])
    return { status: 'invalid-credentials', correlationId: metadata.correlationId }
  }

  async #isRight({ password }: Credentials, account: Account | undefined, lockout: Lockout): Promise<boolean> {
    try {
      return await this.#hasher.verify(password, account?.passwordHash ?? this.#hasher.decoy())
    } catch (thrown) {
      lockout.abandoned()
      throw thrown
    }
  }

  async #succeeded({ userId, profile }: Account, lockout: Lockout, seen: Sighting, metadata: RequestMetadata): Promise<LoginResult> {
    lockout.succeeded()
    const anomalies = profile.anomaliesOf(seen)
    const loggedIn = new UserLoggedInEvent(userId, seen, metadata)
    const { correlationId } = metadata
    // before its events, so that whoever ends the sessions of a suspicious account finds this one too
    const token = this.#sessions.open({ userId, correlationId })
    try {
      if (isSuspicious(anomalies)) {
        await this.#eventBus.publishBatch([loggedIn, new SuspiciousActivityDetectedEvent(userId, anomalies, seen, metadata)])
      } else {
        await this.#eventBus.publish(loggedIn)
        profile.learn(seen)
      }
    } catch (thrown) {
      this.#sessions.end(token)
      throw thrown
    }
    return { status: 'logged-in', userId, token, correlationId }
  }

  /** People type passwords where an e-mail address belongs: what nobody is known by goes nowhere as it is. */
  #pseudonymOf(email: string): string {
    return `unknown-${createHmac('sha256', this.#pseudonymKey).update(email).digest('hex').slice(0, 16)}`
  }
}
