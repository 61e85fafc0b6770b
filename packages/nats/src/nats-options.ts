import { ConfigurationError, checkOptions, type OptionCheck, optionChecks, refuseOption } from '@interline/core'

/** How much of a destination is kept, whether it was handled or not. */
export interface NatsRetention {
  /** Default seven days; 0 keeps events for ever. */
  readonly maxAgeMs?: number | undefined
  /** Default: as many as there are. */
  readonly maxEvents?: number | undefined
  /** Default: as many as there are. */
  readonly maxBytes?: number | undefined
}

/** A `NatsConnection` of `@nats-io/transport-node`, described by what tells it apart: the client's own types don't hold under every strictness. */
export interface GivenNatsConnection {
  isClosed(): boolean
  request(subject: string): Promise<unknown>
}

export interface NatsOptions {
  /** Such as `nats://localhost:4222` or `tls://user:password@nats.example`; of a cluster several. Default 127.0.0.1:4222. */
  readonly url?: string | readonly string[] | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly token?: string | undefined
  /** `true`, or the TLS options of the NATS client. */
  readonly tls?: boolean | object | undefined
  /** A connection of yours, which is used and never closed. */
  readonly connection?: GivenNatsConnection | undefined
  /** The beginning of every subject, stream and consumer, default `interline`. Letters, digits, "-" and "_". */
  readonly prefix?: string | undefined
  /** Copies of each stream in a cluster, default 1. */
  readonly replicas?: number | undefined
  readonly retention?: NatsRetention | undefined
  /** After how much silence a consumer counts as dead and its events go to others, default 15,000. Renewed at a quarter of it. */
  readonly ackWaitMs?: number | undefined
  /** How long the server may take for one answer, default 2,000. */
  readonly requestTimeoutMs?: number | undefined
  /** How long a publish is tried again before it is rejected, default 15,000. */
  readonly publishTimeoutMs?: number | undefined
  /** What the server takes (`max_payload`), less a little for headers. Default 1,040,384, which fits the server's default. */
  readonly maxMessageBytes?: number | undefined
}

export interface ResolvedOptions {
  readonly servers: string[]
  readonly credentials: { readonly user?: string; readonly pass?: string; readonly token?: string; readonly tls?: object }
  readonly connection: GivenNatsConnection | undefined
  readonly prefix: string
  readonly replicas: number
  readonly maxAgeMs: number
  readonly maxEvents: number
  readonly maxBytes: number
  readonly ackWaitMs: number
  readonly requestTimeoutMs: number
  readonly publishTimeoutMs: number
  readonly maxMessageBytes: number
}

const defaults = {
  url: 'nats://127.0.0.1:4222',
  prefix: 'interline',
  replicas: 1,
  maxAgeMs: 7 * 86_400_000,
  ackWaitMs: 15_000,
  requestTimeoutMs: 2_000,
  publishTimeoutMs: 15_000,
  maxMessageBytes: 1_040_384,
} as const

const { integer, text, within } = optionChecks

const checks: Readonly<Record<keyof NatsOptions, OptionCheck>> = {
  url: (value, path) => {
    const urls = [value].flat()
    if (urls.length === 0 || !urls.every(isUrl)) refuseOption(path, value, 'a URL such as nats://localhost:4222, or a list of them')
  },
  user: text,
  password: text,
  token: text,
  tls: (value, path) => {
    if (typeof value !== 'boolean' && (typeof value !== 'object' || value === null)) refuseOption(path, value, 'true, false or TLS options')
  },
  connection: (value, path) => {
    if (!hasRequest(value)) refuseOption(path, value, 'a connection of the NATS client')
  },
  prefix: (value, path) => {
    if (typeof value !== 'string' || !/^[\w-]+$/.test(value)) refuseOption(path, value, 'text of letters, digits, "-" and "_"')
  },
  replicas: integer(1),
  retention: within({ maxAgeMs: integer(0), maxEvents: integer(1), maxBytes: integer(1) }),
  ackWaitMs: integer(200),
  requestTimeoutMs: integer(1),
  publishTimeoutMs: integer(1),
  maxMessageBytes: integer(1),
}

/** Refuses unknown names and wrong values, and fills in the defaults. Texts are never shown: a password may be in the wrong place. */
export function resolveOptions(options: NatsOptions = {}): ResolvedOptions {
  const { retention = {} } = options
  checkOptions(options, 'nats', checks)
  if (options.connection !== undefined && options.url !== undefined)
    throw new ConfigurationError('nats.url and nats.connection each say where NATS is. Give one of them.')
  const urls = [options.url ?? defaults.url].flat().map((each) => new URL(each as string))
  const [first] = urls
  const user = options.user ?? decodeURIComponent(first?.username ?? '')
  const password = options.password ?? decodeURIComponent(first?.password ?? '')
  const tls = typeof options.tls === 'object' ? options.tls : options.tls === true || first?.protocol === 'tls:' ? {} : undefined
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port === '' ? 4222 : port}`),
    credentials: {
      ...(user === '' ? {} : { user, pass: password }),
      ...(options.token === undefined ? {} : { token: options.token }),
      ...(tls === undefined ? {} : { tls }),
    },
    connection: options.connection,
    prefix: options.prefix ?? defaults.prefix,
    replicas: options.replicas ?? defaults.replicas,
    maxAgeMs: retention.maxAgeMs ?? defaults.maxAgeMs,
    maxEvents: retention.maxEvents ?? -1,
    maxBytes: retention.maxBytes ?? -1,
    ackWaitMs: options.ackWaitMs ?? defaults.ackWaitMs,
    requestTimeoutMs: options.requestTimeoutMs ?? defaults.requestTimeoutMs,
    publishTimeoutMs: options.publishTimeoutMs ?? defaults.publishTimeoutMs,
    maxMessageBytes: options.maxMessageBytes ?? defaults.maxMessageBytes,
  }
}

function isUrl(value: unknown): boolean {
  return typeof value === 'string' && /^(nats|tls):\/\//.test(value) && URL.canParse(value)
}

function hasRequest(value: unknown): boolean {
  return typeof (value as Partial<GivenNatsConnection> | null)?.request === 'function'
}
