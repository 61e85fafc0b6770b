import type { IDeadLetterStore, IEventStore, IIdempotencyStore, ILeaseStore } from '@interline/core'
import { deadLetterStoreCases } from './dead-letter-cases.js'
import { eventStoreCases } from './event-store/event-store-cases.js'
import { idempotencyCases } from './idempotency-cases.js'
import { leaseCases } from './lease-cases.js'
import { registerStoreCases, type TestStoreOptions } from './store-suite.js'

/** Registers the contract of event stores for one configuration. */
export function testEventStore(name: string, options: TestStoreOptions<IEventStore>): void {
  const leaveOut = {
    ...(options.retaining === undefined ? { S11: 'no store with retention was given' } : {}),
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
