import type { ConnectionOptions } from '@platformatic/kafka'
import type { ResolvedOptions } from '../../kafka-options.js'
import type { Driver } from '../driver.js'
import { loadLibrary } from './library.js'
import { PlatformaticClient } from './platformatic-client.js'

/** How long a member may take to join again, on top of what an answer may take. */
const joinLimitMs = 10_000

/** The driver over @platformatic/kafka, which its users install. */
export async function platformaticDriver(options: ResolvedOptions): Promise<Driver> {
  const library = await loadLibrary()
  const { brokers, clientId, ssl, sasl, connectTimeoutMs, requestTimeoutMs, maxWaitTimeInMs, sessionTimeoutMs, clientOptions } = options
  const connection = {
    connectTimeout: connectTimeoutMs,
    ...clientOptions,
    ...(ssl === undefined || ssl === false ? {} : { tls: ssl === true ? {} : ssl }),
    ...(sasl === undefined ? {} : { sasl: { ...sasl, mechanism: sasl.mechanism?.toUpperCase() ?? 'PLAIN' } }),
  } as ConnectionOptions
  const settings = {
    clientId,
    options: connection,
    timeoutMs: {
      requests: requestTimeoutMs,
      fetches: requestTimeoutMs + maxWaitTimeInMs,
      joins: requestTimeoutMs + Math.max(sessionTimeoutMs, joinLimitMs),
    },
  }
  const seeds = brokers.map((address) => {
    const at = address.lastIndexOf(':')
    return { host: address.slice(0, at), port: Number(address.slice(at + 1)) }
  })
  return () => new PlatformaticClient(library, settings, seeds, options.metadataMaxAgeMs)
}
