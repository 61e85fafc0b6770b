export { type DeadLetterSelection, DeadLetters, type RedriveOptions, type RedrivePreview } from './bus/dead-letters.js'
export type { Destinations } from './bus/destinations.js'
export { EventBus } from './bus/event-bus.js'
export { HybridEventBus, type HybridEventBusOptions } from './bus/hybrid-event-bus.js'
export type { IEventBus } from './bus/i-event-bus.js'
export type { CommonBusOptions, DedupOptions, EventBusOptions } from './bus/options.js'
export type { PublishOptions } from './bus/publish-options.js'
export { DefaultRoutingStrategy, type IRoutingStrategy, type Route, type RoutedEvent, type RoutingOptions } from './bus/routing.js'
export type {
  DeadLetterOptions,
  FailureOptions,
  Handler,
  HandlerFunction,
  HandlerObject,
  HandlerOptions,
  IEventHandler,
  RetryStrategy,
  SubscribeOptions,
  Subscription,
  SubscriptionSpec,
} from './bus/subscribe-options.js'
export { BaseEventHandler } from './decorators/base-event-handler.js'
export { EventHandler } from './decorators/event-handler.js'
export { EventHandlerRegistry } from './decorators/event-handler-registry.js'
export { HandleEvent } from './decorators/handle-event.js'
export { ProcessIdempotencyStore, type ProcessIdempotencyStoreOptions } from './delivery/process-idempotency-store.js'
export type { BackoffOptions, RetryOptions } from './delivery/retry-policy.js'
export type { HandlerContext, Middleware } from './delivery/subscriber.js'
export { Reject, RetryLater, type RetryLaterOptions } from './delivery/verdict.js'
export {
  ClosedError,
  ConfigurationError,
  ConnectionError,
  DecodeError,
  EncodeError,
  type ErrorDetails,
  EventTooLargeError,
  HandlerTimeoutError,
  InterlineError,
  InvalidEventError,
  isInterlineError,
  PublishError,
  type PublishErrorDetails,
  StoreNotConfiguredError,
  SubscriptionError,
  toError,
  UnsupportedFeatureError,
  ValidationError,
  type ValidationIssue,
  WrongExpectedVersionError,
} from './errors.js'
export type { EventClass } from './event/class-description.js'
export { type AnyEventDefinition, defineEvent, type EventDefinition, type EventOptions } from './event/define-event.js'
export { BaseEvent, DomainEvent, IntegrationEvent, SystemEvent, type SystemEventLevel } from './event/domain-event.js'
export { newEventId } from './event/event-id.js'
export type { EventMetadata, IEventMetadata } from './event/metadata.js'
export type { GeneralEvent } from './event/plain-event.js'
export { EventPriority, priorityRank } from './event/priority.js'
export { clearEventRegistry, modelOfReceivedType, registeredTypes } from './event/registry.js'
export { type SchemaInput, type SchemaOutput, type StandardSchema, staticSchema } from './event/standard-schema.js'
export { type AnyEvent, type AnyTarget, type EventOf, type TopicTarget, topic } from './event/targets.js'
export type { ValueEvent } from './event/value-event.js'
export type { Abortable, Awaitable, CloseOptions } from './ports/abortable.js'
export type {
  BrokerCapabilities,
  BrokerEvent,
  BrokerMetrics,
  ConnectOptions,
  Consumer,
  GroupDescription,
  IBroker,
  Source,
  StartPosition,
} from './ports/broker.js'
export type { ICheckpointStore } from './ports/checkpoint-store.js'
export type { IClock, Timer, TimerOptions } from './ports/clock.js'
export type { ICodec } from './ports/codec.js'
export type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterList,
  DeadLetterPage,
  DeadLetterReason,
  IDeadLetterStore,
} from './ports/dead-letter-store.js'
export type { Delivery, Receive, Retry } from './ports/delivery.js'
export type {
  AppendOptions,
  AppendResult,
  ExpectedVersion,
  IEventStore,
  Position,
  ReadAllOptions,
  ReadStreamOptions,
  RecordedEvent,
  StoreCapabilities,
} from './ports/event-store.js'
export type { ComponentHealth, HealthReport } from './ports/health.js'
export type { Claim, ClaimOptions, ClaimResult, CompleteOptions, IIdempotencyStore } from './ports/idempotency-store.js'
export type { HandledEvent, Instrumentation } from './ports/instrumentation.js'
export type { ILeaseStore, Lease, LeaseOptions } from './ports/lease-store.js'
export type { ILogger } from './ports/logger.js'
export type { MessageTarget, ReferenceData, WireData, WireMessage } from './ports/message.js'
export { checkAppend, checkReadAll, checkReadStream, checkStreamName } from './store/checks.js'
export { eventFilter, type Filtered, filteredOf } from './store/event-filter.js'
export { EventStoreBase, withStoredEvents } from './store/event-store-base.js'
export { conflict, isExpected, type StreamState, wasExpected } from './store/expected-version.js'
export { type FollowOptions, follow } from './store/follow.js'
export { type EventRecord, type IStoredEvents, recordOf, StoredEvents, type StoredEventsSettings } from './store/stored-events.js'
export { streamDeletedType, tombstone } from './store/tombstone.js'
export { systemClock } from './system-clock.js'
export { attributeOfHeader, readAttributes, writeAttributes } from './wire/attribute-names.js'
export { CloudEventsFormat } from './wire/cloud-events.js'
export { JsonCodec } from './wire/json-codec.js'
export { readStructured, structuredContentType, writeStructured } from './wire/structured.js'
export { matchesTopic } from './wire/topic-pattern.js'
export type { WireFormat } from './wire/wire-format.js'
