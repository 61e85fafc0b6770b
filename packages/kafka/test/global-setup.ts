import { findServer } from '@interline/testing'
import { ConfigResourceTypes } from 'kafkajs'
import { plainKafka, sessionVariable } from './kafka-server.js'

/** One Kafka for all test files of a run; stopped at its end where it was started for it. */
export async function setup(): Promise<() => Promise<void>> {
  const { url, close } = await findServer('kafka')
  process.env[sessionVariable] = String(await leastSession(url.split(',')))
  return async () => close?.()
}

/** What this server allows: the shorter, the less a test waits for a consumer that was killed. */
async function leastSession(brokers: readonly string[]): Promise<number> {
  const admin = plainKafka(brokers).admin()
  await admin.connect()
  const [node] = (await admin.describeCluster()).brokers
  const configNames = ['group.min.session.timeout.ms']
  const resource = { type: ConfigResourceTypes.BROKER, name: String(node?.nodeId), configNames }
  const { resources } = await admin.describeConfigs({ resources: [resource], includeSynonyms: false })
  await admin.disconnect()
  return Math.max(3_000, Number(resources[0]?.configEntries[0]?.configValue ?? 6_000))
}
