import { defineEvent, type EventDefinition, staticSchema, toError, ValidationError, type ValidationIssue } from '@interline/core'
import { RemoteHandlerError } from './errors.js'
import type { RequestKind } from './request.js'

/** How a request travels: an event, so that every broker carries it. */
export interface RequestEnvelope {
  /** The request's own id; the event has one for each try. */
  readonly id: string
  readonly payload: unknown
  /** Where the answer is waited for. Without it nobody waits: the command is retried and dead-lettered like any event. */
  readonly reply?: ReplyAddress | undefined
}

export interface ReplyAddress {
  /** The name of the service that asks. */
  readonly service: string
  /** The process that asks. */
  readonly to: string
  /** Until when it waits, in milliseconds since 1970. */
  readonly expiresAt: number
}

export type Reply = { readonly to: string; readonly request: string } & Outcome

export type Outcome = { readonly outcome: 'done'; readonly result?: unknown } | { readonly outcome: 'failed'; readonly error: RemoteError }

export interface RemoteError {
  readonly name: string
  readonly message: string
  readonly code?: string | undefined
  readonly issues?: readonly ValidationIssue[] | undefined
}

/** One destination for each type, so that a process takes only what it handles. */
export function requestEvent(kind: RequestKind, type: string): EventDefinition<string, RequestEnvelope> {
  const topic = `${kind}-${type.replaceAll(/[^\w-]/g, '-')}`
  return defineEvent(`${kind}.${type}`, { topic, schema: staticSchema<RequestEnvelope>() })
}

export const ReplyEvent: EventDefinition<'interline.reply', Reply> = defineEvent('interline.reply', {
  topic: 'replies',
  schema: staticSchema<Reply>(),
})

/** The name is part of a topic: one that comes with a request must not lead anywhere else. */
export function replyTopic(service: string): string {
  return `replies-${service.replaceAll(/[^\w-]/g, '-')}`
}

/** Without stack and cause, which are the other process's own. */
export function remoteErrorOf(thrown: unknown): RemoteError {
  const error = toError(thrown)
  const code: unknown = (error as { readonly code?: unknown }).code
  return {
    name: error.name,
    message: error.message,
    code: typeof code === 'string' ? code : undefined,
    issues: error instanceof ValidationError ? error.issues : undefined,
  }
}

export function errorOf({ name, message, code, issues }: RemoteError): Error {
  if (code === 'INTERLINE_VALIDATION') return new ValidationError(String(message), Array.isArray(issues) ? issues : [])
  return new RemoteHandlerError(String(message), String(name), code)
}
