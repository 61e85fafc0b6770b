import { defineEvent } from 'interline'
import { z } from 'zod'

const month = z.string().regex(/^\d{4}-\d{2}$/)
const about = { symbol: z.string(), month, requestedBy: z.string() }

export const AIResultCreated = defineEvent('AIResultCreated', {
  topic: 'ai-results.created',
  schema: z.object(about),
})

export const AIResultCompleted = defineEvent('AIResultCompleted', {
  topic: 'ai-results.completed',
  schema: z.object({ ...about, risk: z.number().min(0).max(100) }),
})

export const AIResultFailed = defineEvent('AIResultFailed', {
  topic: 'ai-results.failed',
  schema: z.object({ ...about, reason: z.string() }),
})

/** What a scoring was computed from: the closes of a month as of a version of the price feed. */
export const OracleSnapshotRecorded = defineEvent('OracleSnapshotRecorded', {
  topic: 'oracle.snapshot-recorded',
  schema: z.object({ symbol: z.string(), month, feedVersion: z.number().int().positive(), closes: z.array(z.number().positive()) }),
})

/** Undoes a recording: nothing in an event store is deleted. */
export const OracleSnapshotReleased = defineEvent('OracleSnapshotReleased', {
  topic: 'oracle.snapshot-released',
  schema: z.object({ reason: z.string() }),
})

export const PriceFeedUpdated = defineEvent('PriceFeedUpdated', {
  topic: 'prices.updated',
  schema: z.object({ date: z.iso.date(), close: z.number().positive() }),
})

export const AuditLogCreated = defineEvent('AuditLogCreated', {
  topic: 'audit.created',
  schema: z.object({ action: z.string(), subject: z.string(), ofEvent: z.string() }),
})

/** The address that somebody came from is nobody else's business: it is encrypted wherever the event lies. */
export const UserAuthenticated = defineEvent('UserAuthenticated', {
  topic: 'users.authenticated',
  schema: z.object({ userId: z.string(), address: z.string().nullable() }),
  encrypt: ['address'],
  subject: ({ userId }) => userId,
})
