import { ConfigurationError } from '@interline/core'
import type { Cluster, ClusterNode } from 'ioredis'
import type { NodeAddress } from '../redis-options.js'

const defaults = { host: '127.0.0.1', port: 6379 } as const

export interface ClusterSettings {
  readonly nodes: readonly NodeAddress[]
  readonly natMap: Readonly<Record<string, NodeAddress>> | undefined
  /** For each connection. */
  readonly settings: object
}

/** What an injected cluster client was made with. Its nodes are those it found, or, where it is not connected, those it was given. */
export function settingsOf(client: Cluster): ClusterSettings {
  const { natMap, redisOptions } = client.options
  if (typeof natMap === 'function') {
    throw new ConfigurationError('redis.client maps addresses by a function, which is not followed. Give redis.cluster with a natMap.')
  }
  const found = client.nodes().map(({ options: { host = defaults.host, port = defaults.port } }) => ({ host, port }))
  const given = (client as unknown as { readonly startupNodes?: readonly ClusterNode[] }).startupNodes ?? []
  const nodes = found.length > 0 ? found : given.map(startupAddress)
  if (nodes.length === 0) throw new ConfigurationError('redis.client is a cluster client without nodes. Give redis.cluster with its nodes.')
  return { nodes, natMap, settings: redisOptions ?? {} }
}

/** `host:port`. */
export function nodeAddress(address: string): NodeAddress {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
}

function startupAddress(node: ClusterNode): NodeAddress {
  if (typeof node === 'number') return { ...defaults, port: node }
  if (typeof node === 'object') return { host: node.host ?? defaults.host, port: node.port ?? defaults.port }
  const { hostname, port } = new URL(node.includes('://') ? node : `redis://${node}`)
  return { host: hostname, port: port === '' ? defaults.port : Number(port) }
}
