import type { DriverErrorKind } from '../driver.js'

/** What Kafka's errors, by their names, mean to the adapter. Those that are not here pass by themselves, or not, as the client library says. */
export const errorKinds: Readonly<Record<string, DriverErrorKind>> = {
  REBALANCE_IN_PROGRESS: 'rebalancing',
  ILLEGAL_GENERATION: 'rebalancing',
  UNKNOWN_MEMBER_ID: 'fenced',
  FENCED_INSTANCE_ID: 'fenced',
  NON_EMPTY_GROUP: 'group-busy',
  MESSAGE_TOO_LARGE: 'too-large',
  RECORD_LIST_TOO_LARGE: 'too-large',
  UNKNOWN_TOPIC_OR_PARTITION: 'unknown-topic',
  TOPIC_ALREADY_EXISTS: 'topic-exists',
  // while nodes are away, there are too few for a topic's replicas
  INVALID_REPLICATION_FACTOR: 'temporary',
  OFFSET_OUT_OF_RANGE: 'out-of-range',
  SASL_AUTHENTICATION_FAILED: 'authentication',
  UNSUPPORTED_SASL_MECHANISM: 'authentication',
}

/**
 * Whether records that were refused may be stored all the same: a leader that changes, or replicas that are late, are told after writing.
 * What does not pass by itself was refused before, and so were records that found too few replicas.
 */
export function mayBeStored(kind: DriverErrorKind, name: string | undefined): boolean {
  return kind === 'temporary' && name !== 'NOT_ENOUGH_REPLICAS'
}
