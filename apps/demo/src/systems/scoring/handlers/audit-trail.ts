import { IEventBus } from '@interline/nestjs'
import { Inject, Injectable } from '@nestjs/common'
import { EventHandler, type EventOf } from 'interline'
import {
  AIResultCompleted,
  AIResultCreated,
  AIResultFailed,
  AuditLogCreated,
  OracleSnapshotRecorded,
  OracleSnapshotReleased,
  UserAuthenticated,
} from '../events.js'

/** What an auditor will ask about. */
export const audited = [
  AIResultCreated,
  AIResultCompleted,
  AIResultFailed,
  OracleSnapshotRecorded,
  OracleSnapshotReleased,
  UserAuthenticated,
] as const

/** Keeps one entry for each event that is audited, however often that is delivered: the same entry again is none. */
@Injectable()
@EventHandler(audited, { name: 'audit-trail' })
export class AuditTrail {
  readonly #bus: IEventBus

  constructor(@Inject(IEventBus) bus: IEventBus) {
    this.#bus = bus
  }

  async handle({ type, metadata }: EventOf<typeof audited>): Promise<void> {
    const { eventId, aggregateType, aggregateId = '' } = metadata
    const entry = AuditLogCreated(
      { action: type, subject: `${aggregateType}:${aggregateId}`, ofEvent: eventId },
      { eventId: `audit-${eventId}`, aggregateType: 'audit-log', aggregateId: eventId },
    )
    await this.#bus.getStore().saveEvents(`audit-log:${eventId}`, [entry], 'no-stream')
  }
}
