import { DomainEvent, type EventMetadata, EventPriority } from 'interline'
import type { Sighting } from './account/sighting.js'

/** Why an activity is out of the ordinary. */
export type Anomaly = 'new-country' | 'new-device' | 'unusual-hour' | 'impossible-travel'
export type FailureReason = 'wrong-password' | 'unknown-account' | 'account-locked'

/** What happened to one account; its order is kept, and its history is one stream. */
abstract class AccountEvent extends DomainEvent {
  constructor(
    readonly userId: string,
    metadata?: Partial<EventMetadata>,
  ) {
    super({ ...metadata, userId, aggregateId: userId, aggregateType: 'Account' })
  }
}

export class UserLoggedInEvent extends AccountEvent {
  readonly eventType = 'UserLoggedIn'
  readonly version = 1
  readonly topic = 'auth.user-logged-in'

  constructor(
    userId: string,
    readonly from: Sighting,
    metadata?: Partial<EventMetadata>,
  ) {
    super(userId, metadata)
  }
}

export class LoginFailedEvent extends AccountEvent {
  readonly eventType = 'LoginFailed'
  readonly version = 1
  readonly topic = 'auth.login-failed'

  constructor(
    userId: string,
    readonly reason: FailureReason,
    readonly from: Sighting,
    metadata?: Partial<EventMetadata>,
  ) {
    super(userId, metadata)
  }
}

export class AccountLockedEvent extends AccountEvent {
  readonly eventType = 'AccountLocked'
  readonly version = 1
  readonly topic = 'auth.account-locked'
  readonly priority = EventPriority.CRITICAL

  constructor(
    userId: string,
    /** ISO 8601. */
    readonly lockedUntil: string,
    readonly from: Sighting,
    metadata?: Partial<EventMetadata>,
  ) {
    super(userId, metadata)
  }
}

export class SuspiciousActivityDetectedEvent extends AccountEvent {
  readonly eventType = 'SuspiciousActivityDetected'
  readonly version = 1
  readonly topic = 'auth.suspicious-activity-detected'
  readonly priority = EventPriority.CRITICAL

  constructor(
    userId: string,
    readonly anomalies: readonly Anomaly[],
    readonly from: Sighting,
    metadata?: Partial<EventMetadata>,
  ) {
    super(userId, metadata)
  }
}

export type SecurityEvent = UserLoggedInEvent | LoginFailedEvent | AccountLockedEvent | SuspiciousActivityDetectedEvent

/** The events of one request, which belong together. */
export interface RequestMetadata {
  readonly correlationId: string
  readonly timestamp: Date
}
