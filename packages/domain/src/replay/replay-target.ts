import { ConfigurationError, type IEventStore, type RecordedEvent, storedEventsOf, toError, type WireMessage } from '@interline/core'
import { Projection } from '../projection/projection.js'
import type { ReplayTarget, ReplayTopic } from './replay-options.js'

export interface HandedOver {
  /** How many were handed over, from the first on. */
  readonly done: number
  /** Why the next one could not be. */
  readonly error: Error | undefined
  /** They go together or not at all: which of them failed is not known. */
  readonly undone?: boolean | undefined
}

/** Hands events over in order, up to the first that fails. */
export type HandOver = (events: readonly RecordedEvent[], signal: AbortSignal) => Promise<HandedOver>

export function handOverTo(target: ReplayTarget, store: IEventStore): HandOver {
  if (target instanceof Projection) {
    return async (events, signal) => {
      const { done, failed } = await target.replay(events, { signal })
      return { done, error: failed?.error, undone: failed !== undefined && done === 0 && events.length > 1 }
    }
  }
  if (typeof target === 'function') return toHandler(target, store)
  return toTopic(target)
}

function toHandler(handler: Extract<ReplayTarget, (...words: never[]) => unknown>, store: IEventStore): HandOver {
  const stored = storedEventsOf(store)
  return async (events, signal) => {
    let done = 0
    for (const recorded of events) {
      const { stream, version, position, recordedAt } = recorded
      try {
        await handler((await stored.eventOf(recorded)) as never, { stream, version, position, recordedAt, signal })
      } catch (thrown) {
        return { done, error: toError(thrown) }
      }
      done++
      if (signal.aborted) break
    }
    return { done, error: undefined }
  }
}

function toTopic(target: ReplayTopic): HandOver {
  if (typeof target?.broker?.publish !== 'function' || typeof target.topic !== 'string' || target.topic === '') {
    throw new ConfigurationError('A replay goes to a function, a projection, or { broker, topic }.')
  }
  const { broker, topic, destination = topic.split('.', 1)[0] as string } = target
  return async (events, signal) => {
    for (const { message, stream, version } of events) {
      if (message.destination !== destination) continue
      throw new ConfigurationError(
        `Version ${version} of stream "${stream}" was published to "${destination}", where its groups would get it again. Replay it to a topic of another destination, such as "replay.${topic}".`,
      )
    }
    await broker.publish(
      events.map(({ message }) => replayed(message, topic, destination)),
      { signal },
    )
    return { done: events.length, error: undefined }
  }
}

/** Without what belongs to its first way: the trace that it was part of, and the time it was due. */
function replayed(message: WireMessage, topic: string, destination: string): WireMessage {
  const { traceparent: _trace, tracestate: _state, deliverat: _due, ...attributes } = message.attributes
  const { key, data } = message
  return { destination, topic, key, data, attributes: { ...attributes, topic, replayed: 'true' } }
}
