export { AggregateRoot } from './aggregate/aggregate-root.js'
export {
  type AggregateDefinition,
  type AggregateDescription,
  defineAggregate,
  type MadeBy,
  type SnapshotDescription,
} from './aggregate/define-aggregate.js'
export { DefinedAggregate } from './aggregate/defined-aggregate.js'
export { EventSourcedAggregate } from './aggregate/event-sourced-aggregate.js'
export { AggregateNotFoundError, IncompleteStreamError } from './errors.js'
export { Projection, ProjectionStoppedError } from './projection/projection.js'
export type {
  LagOptions,
  ProjectionContext,
  ProjectionHandler,
  ProjectionLag,
  ProjectionOptions,
  ProjectionPlace,
  ProjectionState,
  ProjectionStatus,
} from './projection/projection-options.js'
export type { PoisonEvent } from './projection/projection-record.js'
export { EventReplayService, ReplayError } from './replay/event-replay-service.js'
export type {
  EventReplayServiceOptions,
  ReplayContext,
  ReplayedEvent,
  ReplayHandler,
  ReplayOptions,
  ReplayProgress,
  ReplayReport,
  ReplaySelection,
  ReplayTarget,
  ReplayTopic,
} from './replay/replay-options.js'
export type { AggregateFactory, AggregateSource } from './repository/aggregate-source.js'
export type { AsOf } from './repository/rehydration.js'
export { Repository, type RepositoryOptions } from './repository/repository.js'
export { CommandBus } from './request/command-bus.js'
export { NoHandlerError, RemoteHandlerError, RequestTimeoutError } from './request/errors.js'
export type { RequestContext, RequestHandler, RequestHandlerObject, RequestMiddleware } from './request/handlers.js'
export { QueryBus } from './request/query-bus.js'
export {
  type AnyRequestDefinition,
  defineCommand,
  defineQuery,
  type PlainRequest,
  type Request,
  type RequestDefinition,
  type RequestKind,
  type RequestOf,
  type RequestOptions,
  type ResultOf,
} from './request/request.js'
export type { DispatchOptions, RegisterOptions, RequestBusOptions } from './request/request-bus.js'
export {
  defineSaga,
  type MakeDelay,
  type MakeStep,
  type SagaDefinition,
  type SagaOptions,
  type SagaReaction,
  type SagaStep,
  type SagaTimeout,
  type SagaWork,
  type StepOptions,
  type When,
} from './saga/define-saga.js'
export { Saga } from './saga/saga.js'
export type { SagaHistoryEntry, SagaReason, SagaTimer } from './saga/saga-body.js'
export type { SagaContext } from './saga/saga-context.js'
export { type SagaFactory, SagaManager, type SagaManagerOptions, type StartSagaOptions } from './saga/saga-manager.js'
export type { SagaView } from './saga/saga-view.js'
export {
  type SnapshotOptions,
  type SnapshotProblem,
  type SnapshotProblemReason,
  snapshotOptionsFromEnv,
} from './snapshot/snapshot-options.js'
export { type FindSnapshotOptions, type Snapshot, type SnapshotPlace, SnapshotService } from './snapshot/snapshot-service.js'
