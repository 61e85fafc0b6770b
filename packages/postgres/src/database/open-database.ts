import { ConfigurationError } from '@interline/core'
import type { Client, Pool, PoolClient, PoolConfig } from 'pg'
import { isPGlite, type ResolvedConnection } from '../postgres-options.js'
import type { Database } from './database.js'
import { useFolder } from './embedded-folder.js'
import { PgDatabase } from './pg-database.js'
import { PGliteDatabase, type PGliteLike } from './pglite-database.js'

const name = '@electric-sql/pglite'
const inMemory = /^(memory|idb|opfs-ahp):\/\//

/** The database that the options name; nothing is asked of it yet. Drivers are loaded here, on demand. */
export async function openDatabase(connection: ResolvedConnection, hints: boolean): Promise<Database> {
  const { client, dataDir } = connection.options
  if (isPGlite(client)) return new PGliteDatabase(client, undefined)
  if (dataDir !== undefined) return openEmbedded(dataDir)
  const { Client: PgClient, Pool: PgPool } = (await import('pg')).default
  const { prepare } = connection
  if (client !== undefined) {
    const pool = client as unknown as Pool
    return new PgDatabase({ pool, owned: false, prepare, openListener: hints ? () => listenerBeside(pool) : undefined })
  }
  const config = configOf(connection)
  const openListener = async (): Promise<Client> => {
    const listener = new PgClient(config)
    // Until it listens, what it emits is told by the call that fails.
    listener.on('error', () => undefined)
    await listener.connect()
    return listener
  }
  const pool = new PgPool({ ...config, max: connection.maxConnections })
  return new PgDatabase({ pool, owned: true, prepare, openListener: hints ? openListener : undefined })
}

/** A connection that a pool's own are not fewer for, where its class says how it makes them. */
async function listenerBeside(pool: Pool): Promise<Client | PoolClient> {
  const { Client: Made, options } = pool as Pool & { readonly Client?: new (config: PoolConfig) => Client }
  if (Made === undefined) return pool.connect()
  const listener = new Made(options)
  listener.on('error', () => undefined)
  await listener.connect()
  return listener
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
  const { client, release } = await useFolder(dataDir, (folder) => new PGlite(folder))
  return new PGliteDatabase(client, release)
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
