/** What an acknowledged append survives, read from the server itself. */
export interface Durability {
  readonly durable: boolean
  readonly statement: string
}

export const unknownDurability: Durability = {
  durable: false,
  statement: 'Not known before the store is connected: it is what the Redis server is set up for.',
}

const failover = 'A failover to a replica may lose acknowledged appends, and give their versions to others.'

/** From `INFO persistence` and the setting `appendfsync`, where the server tells it. */
export function describeDurability(info: string, fsync: string | undefined): Durability {
  if (/^aof_enabled:1/m.test(info)) return { durable: true, statement: `${appendOnly(fsync)} ${failover}` }
  return {
    durable: false,
    statement:
      'Redis keeps no append-only file: a restart loses everything since the last snapshot, or everything where there is none. Set appendonly to yes.',
  }
}

function appendOnly(fsync: string | undefined): string {
  if (fsync === 'always') return 'Survives a crash of the server and a power failure: the append-only file is on disk before the answer.'
  if (fsync === 'no')
    return 'Survives a crash of the server; a power failure may lose what the system had not yet written (appendfsync no).'
  if (fsync === 'everysec') return 'Survives a crash of the server; a power failure may lose the last two seconds (appendfsync everysec).'
  return 'Survives a crash of the server; what a power failure loses hangs on appendfsync, which this server does not tell.'
}
