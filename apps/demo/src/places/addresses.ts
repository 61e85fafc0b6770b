import { configFromEnv } from 'interline'

interface Parts {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/** At RABBITMQ_URL, or where RABBITMQ_HOST and its companions say. */
export function rabbitMqUrl(environment: NodeJS.ProcessEnv = process.env): string {
  const { broker } = configFromEnv({ ...only(environment, 'RABBITMQ_'), INTERLINE_BROKER: 'rabbitmq' })
  const { url, vhost, ...parts } = broker !== undefined && 'rabbitmq' in broker ? (broker.rabbitmq ?? {}) : {}
  return typeof url === 'string' ? url : urlOf('amqp', { username: 'guest', password: 'guest', ...parts }, vhost)
}

/** The event store's own Redis, at REDIS_EVENT_STORE_URL or where REDIS_EVENT_STORE_HOST and its companions say; else the one at REDIS_URL. */
export function redisStoreUrl(environment: NodeJS.ProcessEnv = process.env): string {
  const { store } = configFromEnv({ ...only(environment, 'REDIS_EVENT_STORE_'), INTERLINE_STORE: 'redis' })
  const { url, db, ...parts } = store !== undefined && 'redis' in store ? (store.redis ?? {}) : {}
  return url ?? (parts.host === undefined ? redisUrl(environment) : urlOf('redis', parts, db?.toString()))
}

export function redisUrl({ REDIS_URL }: NodeJS.ProcessEnv = process.env): string {
  return REDIS_URL ?? 'redis://127.0.0.1:6379'
}

/** Other variables may be meant for other parts. */
function only(environment: NodeJS.ProcessEnv, prefix: string): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith(prefix)))
}

function urlOf(protocol: 'amqp' | 'redis', { host = '127.0.0.1', port, username = '', password = '' }: Parts, path = ''): string {
  const url = new URL(`${protocol}://${host}`)
  Object.assign(url, { port: port?.toString() ?? '', username: encodeURIComponent(username), password: encodeURIComponent(password) })
  url.pathname = path === '' ? '' : `/${encodeURIComponent(path)}`
  return url.href
}
