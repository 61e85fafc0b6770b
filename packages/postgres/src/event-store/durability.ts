import { isPGlite, type PostgresConnectionOptions } from '../postgres-options.js'

/** What an acknowledged append survives, read from the server itself. */
export interface Durability {
  readonly durable: boolean
  readonly statement: string
}

export const unknownDurability: Durability = {
  durable: false,
  statement: 'Not known before the store is connected: it is what the server is set up for.',
}

/** From the settings `fsync` and `synchronous_commit`. */
export function describeDurability(
  { dataDir, client }: Pick<PostgresConnectionOptions, 'dataDir' | 'client'>,
  server: boolean,
  fsync: string,
  commit: string,
): Durability {
  if (!server) {
    const folder = dataDir ?? (isPGlite(client) ? (client as { readonly dataDir?: unknown }).dataDir : undefined)
    return typeof folder === 'string' && !folder.startsWith('memory://')
      ? {
          durable: true,
          statement: 'Survives the end of the process; a crash of the machine may lose what the system had not yet written.',
        }
      : { durable: false, statement: 'Events are gone with the process.' }
  }
  if (fsync !== 'on') {
    return {
      durable: true,
      statement: 'Survives a crash of the server process; a power failure may damage the database (fsync off). Set fsync to on.',
    }
  }
  if (commit === 'off') {
    return {
      durable: true,
      statement: 'A crash of the server may lose the last half second (synchronous_commit off), whole appends and the newest only.',
    }
  }
  const replicated = 'A failover to a replica that had not received them loses acknowledged appends, unless it is synchronous.'
  return { durable: true, statement: `Survives a crash of the server and a power failure: it is on disk before the answer. ${replicated}` }
}
