import type { HealthRequest } from '@interline/telemetry'

/** What is known of who asks, on Express and on Fastify. */
export interface EndpointRequest extends HealthRequest {
  /** Of the connection itself: what proxies say of themselves in headers is not believed here. */
  readonly remoteAddress: string | undefined
  /** The framework's own, with whatever guards put there. */
  readonly raw: object
}

/** What Express and Fastify have in common. */
export interface FrameworkRequest {
  readonly method: string
  readonly url: string
  /** Before what it was mounted at was taken away. */
  readonly originalUrl?: string | undefined
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly socket: { readonly remoteAddress?: string | undefined }
}

export function endpointRequest(raw: FrameworkRequest): EndpointRequest {
  const [path = '/'] = (raw.originalUrl ?? raw.url).split('?')
  return {
    method: raw.method,
    path,
    remoteAddress: raw.socket.remoteAddress,
    raw,
    header: (name) => {
      const value = raw.headers[name.toLowerCase()]
      return value === undefined || typeof value === 'string' ? value : value.join(', ')
    },
  }
}
