import { Kafka, type KafkaConfig, logLevel } from 'kafkajs'
import type { ResolvedOptions } from '../../kafka-options.js'
import type { Driver } from '../driver.js'
import { calmRequestQueues } from './internals.js'
import { KafkaJsClient } from './kafkajs-client.js'

/** Tries again are the adapter's; what kafkajs repeats by itself stays well below its limits. */
const retry = { retries: 2, initialRetryTime: 50, maxRetryTime: 500 } as const

/** The default driver. */
export function kafkaJsDriver(options: ResolvedOptions): Driver {
  calmRequestQueues()
  const { brokers, clientId, ssl, sasl, connectTimeoutMs, requestTimeoutMs, clientOptions, logger } = options
  const config = {
    connectionTimeout: connectTimeoutMs,
    authenticationTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    ...clientOptions,
    brokers: [...brokers],
    clientId,
    retry,
    // what kafkajs calls an error is tried again here, and told where it matters: for whoever looks into its inside, no more than that
    logLevel: logger === undefined ? logLevel.NOTHING : logLevel.WARN,
    logCreator: () => (entry) => logger?.debug(`kafkajs: ${entry.log.message}`, { namespace: entry.namespace, level: entry.label }),
    ...(ssl === undefined ? {} : { ssl }),
    // kafkajs writes into what it gets
    ...(sasl === undefined ? {} : { sasl: { ...sasl } }),
  } as KafkaConfig
  const kafka = new Kafka(config)
  return () => new KafkaJsClient(kafka, options.metadataMaxAgeMs)
}
