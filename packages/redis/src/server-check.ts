import { ConnectionError } from '@interline/core'
import type { Redis } from 'ioredis'

/** Rejects a server that is too old; answers what a person should know about how it is set up. */
export async function examineServer(client: Redis, cluster: boolean): Promise<string | undefined> {
  const info = await client.info()
  if (!cluster && field(info, 'redis_mode') === 'cluster') {
    throw new ConnectionError('This Redis is a node of a cluster. Give its nodes: { cluster: { nodes: ["host:port"] } }.')
  }
  const version = field(info, 'redis_version')
  if (version !== undefined && Number.parseInt(version, 10) < 7) {
    throw new ConnectionError(`Redis ${version} is too old. Interline needs Redis 7.0 or later, for claims that report deleted entries.`)
  }
  const policy = field(info, 'maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction' && Number(field(info, 'maxmemory')) > 0) {
    return `Redis evicts keys when it is full (maxmemory-policy ${policy}), and may remove streams with unread events. Set maxmemory-policy to noeviction.`
  }
  return undefined
}

function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1]
}
