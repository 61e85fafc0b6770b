import { kafkaAnswers } from './kafka-probe.js'
import { startKafka } from './private-kafka.js'

export interface FoundKafka {
  /** Addresses, separated by commas. */
  readonly url: string
  /** How it was found, for the log. */
  readonly by: 'environment' | 'default port' | 'binary'
  /** Set where it was started here, and has to be stopped when the tests are over. */
  readonly close?: (() => Promise<void>) | undefined
}

const port = 9092
const defaultUrl = `127.0.0.1:${port}`

/** The Kafka that `KAFKA_BROKERS` or `KAFKA_URL` names, else one on the default port, else one started here, which `close` ends. */
export async function findKafka(): Promise<FoundKafka> {
  const variable = process.env.KAFKA_BROKERS ? 'KAFKA_BROKERS' : 'KAFKA_URL'
  const given = process.env[variable]?.replace(/^kafka:\/\//, '')
  if (given !== undefined && given !== '') {
    for (const address of given.split(',')) {
      const { hostname, port: at } = new URL(`kafka://${address.trim()}`)
      if (await kafkaAnswers({ host: hostname, port: at === '' ? port : Number(at) })) return { url: given, by: 'environment' }
    }
    throw new Error(`No kafka answers at the address in ${variable}. Start it, or unset the variable.`)
  }
  if (await kafkaAnswers({ port })) return { url: defaultUrl, by: 'default port' }
  try {
    const server = await startKafka({ port })
    return { url: defaultUrl, by: 'binary', close: () => server.close() }
  } catch (error) {
    // another test process may have been faster: then theirs answers, and is theirs to stop
    if (await kafkaAnswers({ port, limitMs: 5_000 })) return { url: defaultUrl, by: 'default port' }
    throw new Error('Tests need kafka: install Java 17 and Maven, start one on 127.0.0.1:9092, or set KAFKA_BROKERS.', { cause: error })
  }
}
