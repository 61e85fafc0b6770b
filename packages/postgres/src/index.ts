export type { PGliteLike } from './database/pglite-database.js'
export type { PostgresEventStoreOptions, PostgresStoreRetention, RemovedEvents } from './event-store/event-store-options.js'
export { PostgresEventStore } from './event-store/postgres-event-store.js'
export type { PgPoolLike, PostgresConnectionOptions } from './postgres-options.js'
