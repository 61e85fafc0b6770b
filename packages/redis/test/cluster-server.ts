import type { IBroker } from '@interline/core'
import type { RedisConnectionOptions } from '@interline/redis'
import { type PrivateServer, type RawClient, type RedisCluster, startRedisCluster } from '@interline/testing'
import { Cluster, type Redis } from 'ioredis'
import { entriesOf, fieldsOf } from './redis-server.js'

/** Three masters with a replica each. */
export function startCluster(): Promise<RedisCluster> {
  return startRedisCluster()
}

/** A client as anybody would write it, closed at the end of its scope. */
export function plainCluster({ addresses }: RedisCluster): AsyncDisposable & { readonly redis: Cluster } {
  const startupNodes = addresses.map((address) => ({ host: address.split(':')[0] ?? '', port: Number(address.split(':')[1]) }))
  const redis = new Cluster(startupNodes)
  return {
    redis,
    [Symbol.asyncDispose]: async () => redis.disconnect(),
  }
}

export async function keysOf(cluster: Cluster, pattern: string): Promise<string[]> {
  await cluster.ping()
  return (await Promise.all(cluster.nodes('master').map((node: Redis) => node.keys(pattern)))).flat()
}

/** Removes every key of a namespace. */
export async function cleanUpCluster(cluster: RedisCluster, namespace: string): Promise<void> {
  await using client = plainCluster(cluster)
  for (const key of await keysOf(client.redis, `*${namespace}*`)) await client.redis.del(key)
}

/** Entries as the plain driver writes and reads them. */
export function rawCluster(cluster: RedisCluster): RawClient {
  return {
    async write(namespace, destination, message) {
      await using client = plainCluster(cluster)
      await client.redis.xadd(`{${namespace}:${destination}:0}:events`, '*', ...fieldsOf(message))
    },
    async read(namespace, destination) {
      await using client = plainCluster(cluster)
      const keys = await keysOf(client.redis, `{${namespace}:${destination}:*}:events`)
      return (await Promise.all(keys.map((key) => client.redis.xrange(key, '-', '+')))).flatMap(entriesOf)
    },
  }
}

/** A cluster of the test's own, killed and started as a whole. */
export async function clusterServer(make: (options: RedisConnectionOptions) => IBroker): Promise<PrivateServer> {
  const password = 'correct-horse'
  const cluster = await startRedisCluster({ requirePass: password, replicas: 0 })
  const options = { cluster: { nodes: cluster.addresses }, password, connectTimeoutMs: 1_000 }
  return {
    create: (namespace) => make({ ...options, prefix: namespace }),
    createWrong: (fault, namespace) => {
      const secret = `wrong-battery-${namespace}`
      const wrong = fault === 'password' ? { password: secret } : { cluster: { nodes: ['127.0.0.1:1'] } }
      return { broker: make({ ...options, ...wrong, prefix: namespace }), secrets: [fault === 'password' ? secret : password] }
    },
    kill: () => cluster.kill(),
    start: () => cluster.start(),
    [Symbol.asyncDispose]: () => cluster.close(),
  }
}
