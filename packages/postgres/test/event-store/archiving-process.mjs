import { PostgresEventStore } from '@interline/postgres'

/** Archives as fast as it can, to be killed in the middle of it. Arguments: the store's options as JSON, and what to do. */
const store = new PostgresEventStore(JSON.parse(process.argv[2]))
await store.connect()
process.send?.('ready')
for (;;) await store.applyArchive()
