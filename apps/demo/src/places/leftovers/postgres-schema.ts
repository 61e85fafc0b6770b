import pg from 'pg'

export async function removeSchema({ url, schema }: { readonly url: string; readonly schema: string }): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  // every failure also rejects the command that met it
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
  } finally {
    await client.end()
  }
}
