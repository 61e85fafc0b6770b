export { type DeadLetterSelection, DeadLetters, type RedriveOptions, type RedrivePreview } from './bus/dead-letters.js'
export { type DestinationOf, type Destinations, destinationRule } from './bus/destinations.js'
export { EventBus } from './bus/event-bus.js'
export type { HealthOptions } from './bus/health.js'
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
  InboxHandler,
  RetryStrategy,
  SubscribeOptions,
  Subscription,
  SubscriptionSpec,
  WithInbox,
} from './bus/subscribe-options.js'
export { BaseEventHandler } from './decorators/base-event-handler.js'
export { EventHandler } from './decorators/event-handler.js'
export { EventHandlerRegistry } from './decorators/event-handler-registry.js'
export { HandleEvent } from './decorators/handle-event.js'
export { isDecoratedHandler } from './decorators/marks.js'
export { defaultLogger } from './default-logger.js'
export { type CurrentDelivery, currentDelivery } from './delivery/context.js'
export { type InboxIdentity, inboxEntry } from './delivery/inbox.js'
export { ProcessIdempotencyStore, type ProcessIdempotencyStoreOptions } from './delivery/process-idempotency-store.js'
export { type BackoffOptions, type RetryOptions, RetryPolicy } from './delivery/retry-policy.js'
export type { HandlerContext, InboxContext, Middleware } from './delivery/subscriber.js'
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
export { erasedFieldsOf } from './event/erased.js'
export { newEventId } from './event/event-id.js'
export { type KeptEvent, keepEvent, keptEvent } from './event/kept-event.js'
export type { EventMetadata, IEventMetadata, MetadataDefaults } from './event/metadata.js'
export type { GeneralEvent } from './event/plain-event.js'
export { EventPriority, priorityRank } from './event/priority.js'
export { clearEventRegistry, modelOfReceivedType, registeredTypes, typeOfEvent } from './event/registry.js'
export {
  checksAtRunTime,
  isStandardSchema,
  parseWith,
  type SchemaInput,
  type SchemaOutput,
  type StandardSchema,
  staticSchema,
} from './event/standard-schema.js'
export {
  type AnyEvent,
  type AnyTarget,
  type EventOf,
  type ResolvedTarget,
  resolveTarget,
  type TopicTarget,
  topic,
} from './event/targets.js'
export type { ValueEvent } from './event/value-event.js'
export { Bulkhead, type BulkheadOptions } from './flow/bulkhead.js'
export { CircuitBreaker, type CircuitBreakerOptions, CircuitOpenError, type CircuitState } from './flow/circuit-breaker.js'
export type { FlowOptions } from './flow/gate.js'
export { type BatchAnswer, type BatchHandler, type BatchOptions, inBatches } from './flow/in-batches.js'
export { RateLimit, type RateLimitOptions } from './flow/rate-limit.js'
export {
  IdempotencyConflictError,
  type Idempotent,
  type IdempotentOptions,
  type IdempotentSettings,
  idempotentOperations,
  type OperationContext,
} from './operations/idempotent.js'
export { OperationFailedError } from './operations/outcome.js'
export { checkOptions, type OptionCheck, type OptionCheckList, optionChecks, refuseOption } from './option-checks.js'
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
  StoreOptions,
} from './ports/broker.js'
export type { ICheckpointStore, StoreTransaction } from './ports/checkpoint-store.js'
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
export type { IInbox, InboxEntry, InboxOutcome } from './ports/inbox.js'
export type {
  DeliveredEvent,
  EventIdentity,
  Gauge,
  HandledEvent,
  HandlingEvent,
  HandlingOutcome,
  Instrumentation,
  OutgoingEvent,
  PublishedEvent,
  SendingEvent,
  SendingOutcome,
  SettledEvent,
  Trace,
  Watch,
  WatchedBus,
} from './ports/instrumentation.js'
export type { EncryptionKey, IKeyStore } from './ports/key-store.js'
export type { ILeaseStore, Lease, LeaseOptions } from './ports/lease-store.js'
export type { ILogger } from './ports/logger.js'
export type { MessageTarget, ReferenceData, WireData, WireMessage } from './ports/message.js'
export type { IOperationStore, OperationClaim, OperationEnd, OperationState } from './ports/operation-store.js'
export type { IOutbox, OutboxBacklog, OutboxOutlet } from './ports/outbox.js'
export type { IRateLimiter, Rate } from './ports/rate-limiter.js'
export type {
  ClaimedSaga,
  DueSagas,
  ISagaStore,
  SagaChange,
  SagaFilter,
  SagaLease,
  SagaList,
  SagaPage,
  SagaRecord,
  SagaStatus,
  SaveSagaOptions,
} from './ports/saga-store.js'
export type { ISnapshotStore, LoadSnapshotOptions, SnapshotSelection, StoredSnapshot } from './ports/snapshot-store.js'
export { checkAppend, checkReadAll, checkReadStream, checkStreamName } from './store/checks.js'
export { type EventEncoding, encodeEvents, eventEncoding } from './store/event-encoder.js'
export { eventFilter, type Filtered, filteredOf } from './store/event-filter.js'
export { EventStoreBase, withStoredEvents } from './store/event-store-base.js'
export { conflict, isExpected, type StreamState, wasExpected } from './store/expected-version.js'
export { type FollowOptions, follow } from './store/follow.js'
export { HeldLease, type HeldLeaseSettings } from './store/held-lease.js'
export { HouseKeeping, type HouseKeepingSettings } from './store/house-keeping.js'
export { ManagedEventStore, type StoreEngine, type StoreHints } from './store/managed-event-store.js'
export { isNote, noteName } from './store/notes.js'
export { PageSize } from './store/page-size.js'
export { Retention, type RetentionPass } from './store/retention.js'
export {
  type RemovedEvents,
  type ResolvedRetention,
  resolveRetention,
  retentionChecks,
  type StoreRetention,
} from './store/retention-options.js'
export {
  type EventRecord,
  type IStoredEvents,
  recordOf,
  type SaveOptions,
  StoredEvents,
  type StoredEventsSettings,
  storedEventsOf,
} from './store/stored-events.js'
export { BatchError } from './store/subscription/batch-error.js'
export { type Batch, Processor, type ProcessorSettings } from './store/subscription/processor.js'
export type { ProcessorState } from './store/subscription/processor-state.js'
export type { StoreSubscription } from './store/subscription/store-subscription.js'
export type { StoreEventContext, StoreEventHandler, StoreSubscribeOptions } from './store/subscription/subscribe-options.js'
export { streamDeletedType, tombstone } from './store/tombstone.js'
export { systemClock } from './system-clock.js'
export { Bell, pause } from './waiting.js'
export { attributeOfHeader, readAttributes, writeAttributes } from './wire/attribute-names.js'
export { CloudEventsFormat } from './wire/cloud-events.js'
export { JsonCodec } from './wire/json-codec.js'
export { readStructured, structuredContentType, writeStructured } from './wire/structured.js'
export { matchesTopic } from './wire/topic-pattern.js'
export type { WireFormat } from './wire/wire-format.js'
