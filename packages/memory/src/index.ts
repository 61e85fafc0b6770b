export {
  ProcessIdempotencyStore as MemoryIdempotencyStore,
  type ProcessIdempotencyStoreOptions as MemoryIdempotencyStoreOptions,
} from '@interline/core'
export { MemoryBroker, MemoryBroker as InMemoryBroker } from './memory-broker.js'
export { MemoryCheckpointStore } from './memory-checkpoint-store.js'
export { MemoryDeadLetterStore } from './memory-dead-letter-store.js'
export { MemoryEventStore, MemoryEventStore as InMemoryEventStore, type MemoryEventStoreOptions } from './memory-event-store.js'
export { MemoryKeyStore } from './memory-key-store.js'
export { MemoryLeaseStore, type MemoryLeaseStoreOptions } from './memory-lease-store.js'
export { MemoryOperationStore, type MemoryOperationStoreOptions } from './memory-operation-store.js'
export type { MemoryBrokerOptions } from './memory-options.js'
export { MemorySagaStore, type MemorySagaStoreOptions } from './memory-saga-store.js'
export { MemorySnapshotStore } from './memory-snapshot-store.js'
