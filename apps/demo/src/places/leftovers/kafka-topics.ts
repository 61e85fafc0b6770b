import { Kafka, logLevel } from 'kafkajs'
import type { KafkaChoice } from '../choices.js'

export async function removeTopics({ brokers, prefix }: KafkaChoice['kafka']): Promise<void> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
    if (topics.length > 0) await admin.deleteTopics({ topics })
    const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter((group) => group.startsWith(prefix))
    if (groups.length > 0) await admin.deleteGroups(groups)
  } finally {
    await admin.disconnect()
  }
}
