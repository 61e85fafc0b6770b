import type {
  IDeadLetterStore,
  IEventStore,
  IIdempotencyStore,
  ILeaseStore,
  IOperationStore,
  IRateLimiter,
  ISagaStore,
  ISnapshotStore,
} from '@interline/core'
import { deadLetterStoreCases } from './dead-letter-cases.js'
import { eventStoreCases } from './event-store/event-store-cases.js'
import { idempotencyCases } from './idempotency-cases.js'
import { leaseCases } from './lease-cases.js'
import { operationCases } from './operation-cases.js'
import { rateLimiterCases } from './rate-limiter-cases.js'
import { sagaCases } from './saga-cases.js'
import { snapshotCases } from './snapshot-cases.js'
import { registerStoreCases, type TestStoreOptions } from './store-suite.js'

/** Registers the contract of event stores for one configuration. */
export function testEventStore(name: string, options: TestStoreOptions<IEventStore>): void {
  const leaveOut = {
    ...(options.retaining === undefined ? { S11: 'no store with retention was given' } : {}),
    ...(options.processes === undefined ? { 'S13-kill': 'no process was given that may be killed' } : {}),
    ...(options.server === undefined ? { S14: 'no server that may be killed was given' } : {}),
    ...options.leaveOut,
  }
  registerStoreCases('event-store', name, { ...options, leaveOut }, eventStoreCases)
}

export function testIdempotencyStore(name: string, options: TestStoreOptions<IIdempotencyStore>): void {
  registerStoreCases('idempotency-store', name, options, idempotencyCases)
}

export function testDeadLetterStore(name: string, options: TestStoreOptions<IDeadLetterStore>): void {
  registerStoreCases('dead-letter-store', name, options, deadLetterStoreCases)
}

export function testLeaseStore(name: string, options: TestStoreOptions<ILeaseStore>): void {
  registerStoreCases('lease-store', name, options, leaseCases)
}

export function testSnapshotStore(name: string, options: TestStoreOptions<ISnapshotStore>): void {
  registerStoreCases('snapshot-store', name, options, snapshotCases)
}

export function testSagaStore(name: string, options: TestStoreOptions<ISagaStore>): void {
  registerStoreCases('saga-store', name, options, sagaCases)
}
export function testRateLimiter(name: string, options: TestStoreOptions<IRateLimiter>): void {
  registerStoreCases('rate-limiter', name, options, rateLimiterCases)
}

export function testOperationStore(name: string, options: TestStoreOptions<IOperationStore>): void {
  registerStoreCases('operation-store', name, options, operationCases)
}
