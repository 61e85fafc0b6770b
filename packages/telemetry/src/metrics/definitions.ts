import { attribute } from '../conventions.js'

export interface MetricDefinition {
  readonly name: string
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** In UCUM, as OpenTelemetry has it. */
  readonly unit: string
  readonly description: string
  readonly labels: readonly string[]
}

export type MetricKey =
  | 'operationDuration'
  | 'processDuration'
  | 'sentMessages'
  | 'consumedMessages'
  | 'duplicates'
  | 'retries'
  | 'deadLettered'
  | 'lateSettlements'
  | 'unwanted'
  | 'losses'
  | 'connected'
  | 'lag'
  | 'delayed'
  | 'unsettled'
  | 'deadLetters'
  | 'stored'
  | 'outboxSize'
  | 'outboxAge'
  | 'seedPublished'
  | 'seedDuplicates'
  | 'seedNoSubscribers'
  | 'seedSuccesses'
  | 'seedErrors'
  | 'seedQueueSize'
  | 'seedPublishedTotal'
  | 'seedConsumedTotal'
  | 'seedLatency'

const { system, operationName, operationType, destination, group, subscription, errorType, deadLetterReason } = attribute
const component = 'interline.component'
/** The event's type, as dashboards of counters like these name it. */
const type = 'type'

/** Every metric of a bus. What is under OpenTelemetry's names follows its conventions for messaging; the rest has no standard name. */
export const definitions: Readonly<Record<MetricKey, MetricDefinition>> = {
  operationDuration: histogram('messaging.client.operation.duration', 's', 'How long the broker took for what it was asked to do.', [
    system,
    operationName,
    operationType,
    destination,
    errorType,
  ]),
  processDuration: histogram('messaging.process.duration', 's', 'How long a handler took.', [
    system,
    operationName,
    operationType,
    destination,
    group,
    subscription,
    errorType,
  ]),
  sentMessages: counter('messaging.client.sent.messages', '{message}', 'Messages that the broker was given.', [
    system,
    operationName,
    operationType,
    destination,
    errorType,
  ]),
  consumedMessages: counter('messaging.client.consumed.messages', '{message}', 'Messages that this process was given.', [
    system,
    operationName,
    operationType,
    destination,
    group,
  ]),
  duplicates: counter('interline.duplicates', '{message}', 'Messages that a handler had handled before, and that were dropped.', [
    system,
    destination,
    group,
    subscription,
  ]),
  retries: counter('interline.retries', '{run}', 'Runs of a handler that failed and will be tried again.', [
    system,
    destination,
    group,
    subscription,
  ]),
  deadLettered: counter('interline.dead_lettered', '{message}', 'Messages that a handler gave up, or that wait behind one of these.', [
    destination,
    group,
    subscription,
    deadLetterReason,
  ]),
  lateSettlements: counter(
    'interline.settlements.late',
    '{message}',
    'Messages that were taken away while they were worked on: they come again.',
    [system, destination, group],
  ),
  unwanted: counter('interline.unwanted', '{message}', 'Messages that no handler of a group wanted.', [system, destination, group]),
  losses: counter('interline.losses', '{loss}', 'Times that a broker lost messages: a trimmed stream, a gap.', [
    system,
    destination,
    group,
  ]),
  connected: gauge('interline.connected', '1', '1 while the broker answers, else 0.', [component]),
  lag: gauge('interline.lag', '{message}', 'Messages that a group has not handled.', [component, destination, group]),
  delayed: gauge('interline.delayed', '{message}', 'Messages that wait for their time.', [component, destination, group]),
  unsettled: gauge('interline.unsettled', '{message}', 'Messages in the hands of this process.', [component]),
  deadLetters: gauge('interline.dead_letters', '{message}', 'Dead letters that wait to be redriven or discarded.', [component]),
  stored: gauge('interline.store.size', '{event}', 'Events in the store; about how many, where it does not count them.', [component]),
  outboxSize: gauge(
    'interline.outbox.size',
    '{event}',
    'Events that are stored and not on the broker yet; no more than 10,000 are counted.',
    [component],
  ),
  outboxAge: gauge('interline.outbox.oldest_age', 's', 'How long the oldest event waits in the store to be on the broker.', [component]),
  seedPublished: counter('EVENT_PUBLISHED', '{event}', 'Events that were published.', [type]),
  seedDuplicates: counter('EVENT_DUPLICATE_DETECTED', '{event}', 'Events whose id or idempotency key a handler had seen.', [type]),
  seedNoSubscribers: counter('EVENT_NO_SUBSCRIBERS', '{event}', 'Events that no handler wanted.', [type]),
  seedSuccesses: counter('EVENT_HANDLER_SUCCESS', '{event}', 'Runs of handlers that came to a good end.', [type]),
  seedErrors: counter('EVENT_HANDLER_ERROR', '{event}', 'Runs of handlers that failed.', [type]),
  seedQueueSize: gauge('outbox.queue.size', '{event}', 'Events that are stored and not sent; no more than 10,000 are counted.', [
    component,
  ]),
  seedPublishedTotal: counter('events.published.total', '{event}', 'Events that were published.', [type]),
  seedConsumedTotal: counter('events.consumed.total', '{event}', 'Runs of handlers, of both good and bad end.', [type]),
  seedLatency: histogram('event.processing.latency', 's', 'From the making of an event to the good end of a handler.', [type]),
}

function counter(name: string, unit: string, description: string, labels: readonly string[]): MetricDefinition {
  return { name, kind: 'counter', unit, description, labels }
}

function gauge(name: string, unit: string, description: string, labels: readonly string[]): MetricDefinition {
  return { name, kind: 'gauge', unit, description, labels }
}

function histogram(name: string, unit: string, description: string, labels: readonly string[]): MetricDefinition {
  return { name, kind: 'histogram', unit, description, labels }
}
