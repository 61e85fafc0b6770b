import { isPromise } from '../awaitable.js'
import { toError } from '../errors.js'
import { stampTrace } from '../event/metadata.js'
import type { Awaitable } from '../ports/abortable.js'
import type { Instrumentation, OutgoingEvent, SendingEvent } from '../ports/instrumentation.js'
import type { WireMessage } from '../ports/message.js'
import { identityOf } from '../wire/identity.js'

/** Sends events under the eyes of who watches. Those that have no trace get the one that is watched now or, without any, their cause's. */
export function sendWatched(hooks: Instrumentation, event: SendingEvent, send: () => Awaitable<void>): Awaitable<void> {
  const watch = hooks.sending?.(event)
  const trace = watch?.trace ?? event.cause
  if (trace !== undefined) for (const { metadata } of event.events) stampTrace(metadata, trace)
  if (watch === undefined) return send()
  const failed = (thrown: unknown): never => {
    watch.ended({ error: toError(thrown) })
    throw thrown
  }
  let sent: Awaitable<void>
  try {
    sent = watch.enter === undefined ? send() : watch.enter(send)
  } catch (thrown) {
    return failed(thrown)
  }
  if (isPromise(sent)) return sent.then(() => watch.ended(sentWell), failed)
  watch.ended(sentWell)
}

const sentWell = {}

/** What is known of an event that is a message already. */
export function outgoing(message: WireMessage): OutgoingEvent {
  const { topic, key, attributes } = message
  return { type: attributes.type ?? '', topic, key, metadata: identityOf(message) }
}
