/** Names of OpenTelemetry's semantic conventions for messaging, copied: they are not stable there yet, and may not change here by chance. */
export const attribute = {
  system: 'messaging.system',
  operationName: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  destination: 'messaging.destination.name',
  group: 'messaging.consumer.group.name',
  subscription: 'messaging.destination.subscription.name',
  batchCount: 'messaging.batch.message_count',
  messageId: 'messaging.message.id',
  conversationId: 'messaging.message.conversation_id',
  kafkaKey: 'messaging.kafka.message.key',
  routingKey: 'messaging.rabbitmq.destination.routing_key',
  errorType: 'error.type',
  eventId: 'cloudevents.event_id',
  eventSource: 'cloudevents.event_source',
  eventSpecVersion: 'cloudevents.event_spec_version',
  eventType: 'cloudevents.event_type',
  attempt: 'interline.attempt',
  outcome: 'interline.outcome',
  deadLetterReason: 'interline.dead_letter.reason',
} as const

/** Names this package to whoever reads its spans and metrics. */
export const scope = { name: '@interline/telemetry', version: '0.1.0' } as const

const instance = /\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Without what names one process: a broadcast group is one group in every process, and its processes come and go. */
export function groupName(group: string, broadcast: boolean): string {
  return broadcast ? group.replace(instance, '') : group
}
