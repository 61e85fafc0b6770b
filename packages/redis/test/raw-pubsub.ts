import type { RawClient, RawMessage } from '@interline/testing'
import { waitFor } from '@interline/testing'
import { Redis } from 'ioredis'
import { plainClient, url } from './redis-server.js'

const listeners = new Map<string, { readonly redis: Redis; readonly heard: string[] }>()

/** Structured CloudEvents as the plain driver publishes and hears them, on the channel of the topic that the suite's events have. */
export const rawPubSub: RawClient = {
  async write(namespace, destination, { attributes, data }) {
    await using client = plainClient()
    const isStructured = attributes.datacontenttype === 'application/cloudevents+json'
    const document = isStructured ? (data as string) : JSON.stringify({ ...attributes, data: JSON.parse(data as string) })
    await client.redis.publish(`${namespace}:${destination}:${destination}.made`, document)
  },
  async listen(namespace, destination) {
    const redis = new Redis(url)
    const heard: string[] = []
    redis.on('pmessage', (_pattern, _channel, payload: string) => heard.push(payload))
    await redis.psubscribe(`${namespace}:${destination}:*`)
    listeners.set(`${namespace}:${destination}`, { redis, heard })
  },
  async read(namespace, destination) {
    const listener = listeners.get(`${namespace}:${destination}`)
    if (listener === undefined) return []
    await waitFor(() => listener.heard.length >= 3)
    listener.redis.disconnect()
    return listener.heard.map(parse)
  },
}

function parse(document: string): RawMessage {
  const { data, ...attributes } = JSON.parse(document) as Record<string, string>
  return { attributes, data: JSON.stringify(data) }
}
