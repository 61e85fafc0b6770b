import { ConfigurationError, toError } from '@interline/core'
import type { Pool, PoolConfig } from 'pg'
import { isPGlite, type ResolvedConnection } from '../postgres-options.js'
import type { Database } from './database.js'
import { FolderLock } from './folder-lock.js'
import { PgDatabase } from './pg-database.js'
import { PGliteDatabase, type PGliteLike } from './pglite-database.js'

const name = '@electric-sql/pglite'
const inMemory = /^(memory|idb|opfs-ahp):\/\//

/** The database that the options name; nothing is asked of it yet. Drivers are loaded here, on demand. */
export async function openDatabase(connection: ResolvedConnection, hints: boolean): Promise<Database> {
  const { client, dataDir } = connection.options
  if (isPGlite(client)) return new PGliteDatabase(client, undefined)
  if (dataDir !== undefined) return openEmbedded(dataDir)
  const { Client, Pool: PgPool } = (await import('pg')).default
  const { prepare } = connection
  if (client !== undefined) {
    const pool = client as unknown as Pool
    return new PgDatabase({ pool, owned: false, prepare, openListener: hints ? () => pool.connect() : undefined })
  }
  const config = configOf(connection)
  const openListener = async (): Promise<InstanceType<typeof Client>> => {
    const listener = new Client(config)
    // Until it listens, what it emits is told by the call that fails.
    listener.on('error', () => undefined)
    await listener.connect()
    return listener
  }
  const pool = new PgPool({ ...config, max: connection.maxConnections })
  return new PgDatabase({ pool, owned: true, prepare, openListener: hints ? openListener : undefined })
}

function configOf({ options, connectTimeoutMs }: ResolvedConnection): PoolConfig {
  const { url, host, port, user, password, database, ssl, statementTimeoutMs } = options
  const place = url === undefined ? { host, port, user, password, database } : { connectionString: url }
  const given = { ...place, ssl: ssl as PoolConfig['ssl'], statement_timeout: statementTimeoutMs }
  return {
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as PoolConfig),
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    application_name: 'interline',
  }
}

async function openEmbedded(dataDir: string): Promise<Database> {
  const { PGlite } = await loadPGlite()
  if (inMemory.test(dataDir)) {
    const client = new PGlite(dataDir)
    return new PGliteDatabase(client, () => client.close())
  }
  const lock = await FolderLock.take(dataDir)
  let client: PGliteLike
  try {
    client = new PGlite(dataDir)
    await client.waitReady
  } catch (error) {
    await lock.release()
    throw new ConfigurationError(`PGlite can't open the folder ${dataDir}: ${toError(error).message}. Is it one of PGlite's own?`, {
      cause: error,
    })
  }
  return new PGliteDatabase(client, async () => {
    await client.close()
    await lock.release()
  })
}

async function loadPGlite(): Promise<{ readonly PGlite: new (dataDir: string) => PGliteLike }> {
  try {
    return (await import(name)) as { readonly PGlite: new (dataDir: string) => PGliteLike }
  } catch (cause) {
    throw new ConfigurationError(
      `An embedded database needs the package ${name}, which could not be loaded. Install it: npm install ${name}`,
      {
        cause,
      },
    )
  }
}
