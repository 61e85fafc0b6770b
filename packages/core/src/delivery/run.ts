import { isPromise } from '../awaitable.js'
import { HandlerTimeoutError, isInterlineError, toError } from '../errors.js'
import type { ReceivedEvent } from '../event/event-model.js'
import { modelOfReceivedType } from '../event/registry.js'
import type { Gate } from '../flow/gate.js'
import type { Awaitable } from '../ports/abortable.js'
import type { Delivery } from '../ports/delivery.js'
import type { HandledEvent, HandlingEvent } from '../ports/instrumentation.js'
import { identityOf } from '../wire/identity.js'
import { DeliveryContext, runAmbient } from './context.js'
import type { GroupEngine } from './group-engine.js'
import { type Judgement, judge } from './judge.js'
import type { Share } from './share.js'
import type { Subscriber } from './subscriber.js'

/** A run that failed, and what follows from that. */
export interface Failure {
  readonly error: Error
  /** Milliseconds since 1970, before the error handler was told. */
  readonly failedAt: number
  readonly judgement: Judgement
}

/** Whose run it is. Told of its end by calls, for a promise more would cost every event. */
export interface RunOwner {
  readonly engine: GroupEngine
  readonly delivery: Delivery
  handled(share: Share): Awaitable<void>
  failed(share: Share, failure: Failure): Awaitable<void>
}

const undecodable: Judgement = { kind: 'dead', reason: 'undecodable' }
const handledWell = { kind: 'handled' } as const
const interrupted = { kind: 'interrupted' } as const

/** Runs a handler once. `untouched` is the event as it was decoded, where no handler had it yet: each decodes anew, so that none sees what another changed. */
export function runHandler(owner: RunOwner, share: Share, untouched: ReceivedEvent | undefined): Awaitable<void> {
  let received: ReceivedEvent
  let event: Awaitable<object>
  try {
    received = untouched ?? owner.engine.format.decode(owner.delivery.message)
    event = received.keyId === undefined ? modelOfReceivedType(received.type).receive(received) : decryptedEvent(owner, received)
  } catch (thrown) {
    return failed(owner, share, untouched, toError(thrown), undefined, 0)
  }
  return isPromise(event) ? handleAfter(event, owner, share, received) : handle(owner, share, received, event)
}

async function decryptedEvent({ engine }: RunOwner, received: ReceivedEvent): Promise<object> {
  return modelOfReceivedType(received.type).receive(await engine.decrypted(received))
}

// Like its neighbours below, this is for what has to wait. A function that makes closures pays for them also where it has no need
// of one, and most events run through without.
function handleAfter(event: Promise<object>, owner: RunOwner, share: Share, received: ReceivedEvent): Promise<void> {
  return event.then(
    (built) => handle(owner, share, received, built),
    (thrown: unknown) => failed(owner, share, received, toError(thrown), undefined, 0),
  )
}

function handle(owner: RunOwner, share: Share, received: ReceivedEvent, event: object): Awaitable<void> {
  const { engine, delivery } = owner
  const { subscriber } = share
  const began = engine.hooks.handled === undefined ? 0 : engine.clock.monotonic()
  const context = new DeliveryContext(event, share.started, subscriber, received, delivery.lost, engine)
  try {
    if (subscriber.filter?.(event) === false) {
      // that it is not for this handler says nothing of what its gate guards
      leaveGate(share, 'cut off')
      return succeeded(owner, share, received, undefined, began)
    }
    if (engine.hooks.handling !== undefined) context.watch = engine.hooks.handling(facts(owner, share, received))
    const result = engine.scope.runInAsyncScope(runAmbient, undefined, context, subscriber)
    return isPromise(result)
      ? succeededAfter(result, owner, share, received, context, began)
      : succeeded(owner, share, received, context, began)
  } catch (thrown) {
    return failed(owner, share, received, toError(thrown), context, began)
  }
}

function succeededAfter(
  result: Promise<unknown>,
  owner: RunOwner,
  share: Share,
  received: ReceivedEvent,
  context: DeliveryContext,
  began: number,
): Promise<void> {
  return inTime(result, owner, share.subscriber, context).then(
    () => succeeded(owner, share, received, context, began),
    (thrown: unknown) => failed(owner, share, received, toError(thrown), context, began),
  )
}

function inTime(
  result: Promise<unknown>,
  { engine }: RunOwner,
  { timeoutMs, name }: Subscriber,
  context: DeliveryContext,
): Promise<unknown> {
  if (timeoutMs === undefined) return result
  return new Promise((resolve, reject) => {
    const timer = engine.clock.setTimer(() => {
      const error = new HandlerTimeoutError(`Handler "${name}" did not finish within ${timeoutMs} ms.`)
      context.abort(error)
      reject(error)
    }, timeoutMs)
    result.then(resolve, reject).finally(() => timer.cancel())
  })
}

function succeeded(
  owner: RunOwner,
  share: Share,
  received: ReceivedEvent,
  context: DeliveryContext | undefined,
  began: number,
): Awaitable<void> {
  const { hooks } = owner.engine
  leaveGate(share, 'handled')
  if (hooks.handled !== undefined) hooks.handled(report(owner, share, received, began))
  if (context !== undefined) context.watch?.ended(handledWell)
  return owner.handled(share)
}

async function failed(
  owner: RunOwner,
  share: Share,
  received: ReceivedEvent | undefined,
  error: Error,
  context: DeliveryContext | undefined,
  began: number,
): Promise<void> {
  const { engine, delivery } = owner
  const { subscriber, started } = share
  // cut off by the bus itself: the event goes back as it was, and whoever gets it counts the attempt
  const isCutOff = delivery.lost.aborted || engine.closing.aborted
  const watch = context?.watch
  leaveGate(share, isCutOff ? 'cut off' : error)
  if (isCutOff) {
    watch?.ended(interrupted)
    return
  }
  const failedAt = engine.clock.now()
  const failure = { ...report(owner, share, received, began), error }
  engine.hooks.handled?.(failure)
  if (context !== undefined) await tellErrorHandler(engine, subscriber, error, context)
  // what no handler has had can't be read, and another run would not change that
  const unreadable = context === undefined && isInterlineError(error) && error.code === 'INTERLINE_DECODE'
  const judgement = unreadable ? undecodable : judge(error, started, subscriber.retry, engine.canRetry)
  if (judgement.kind === 'retry') engine.hooks.retried?.({ ...failure, afterMs: judgement.afterMs })
  watch?.ended({ ...judgement, error })
  return owner.failed(share, { error, failedAt, judgement })
}

/** Once for each run: who has left already leaves no more. */
function leaveGate({ place, subscriber }: Share, outcome: Parameters<Gate['leave']>[1]): void {
  if (place !== undefined) subscriber.gate?.leave(place, outcome)
}

async function tellErrorHandler(
  { logger }: GroupEngine,
  { errorHandler, name }: Subscriber,
  error: Error,
  context: DeliveryContext,
): Promise<void> {
  if (errorHandler === undefined) return
  try {
    await errorHandler(error, context.event, context)
  } catch (thrown) {
    logger.error(`The error handler of "${name}" failed.`, { error: toError(thrown) })
  }
}

function report(owner: RunOwner, share: Share, received: ReceivedEvent | undefined, began: number): HandledEvent {
  const { engine, delivery } = owner
  const { message } = delivery
  return {
    broker: engine.broker,
    message,
    group: engine.group,
    broadcast: engine.broadcast,
    handler: share.subscriber.name,
    attempt: share.started,
    type: received?.type ?? message.attributes.type ?? '',
    metadata: received?.metadata ?? identityOf(message),
    durationMs: began === 0 ? 0 : engine.clock.monotonic() - began,
  }
}

/** Of a message that could not be decoded a second time, only what it says itself is known. */
function facts({ engine, delivery }: RunOwner, { subscriber, started }: Share, received: ReceivedEvent | undefined): HandlingEvent {
  const { message } = delivery
  return {
    broker: engine.broker,
    message,
    group: engine.group,
    broadcast: engine.broadcast,
    handler: subscriber.name,
    attempt: started,
    type: received?.type ?? message.attributes.type ?? '',
    topic: message.topic,
    metadata: received?.metadata ?? identityOf(message),
  }
}
