import { isInterlineError, PublishError, toError } from '../errors.js'
import type { WireMessage } from '../ports/message.js'
import type { IOutbox } from '../ports/outbox.js'
import type { AcceptedFirst } from './stored-publishing.js'

/** Publishing where an outbox is configured: an event is accepted when it is committed there, and the relay does the rest. */
export class OutboxPublishing implements AcceptedFirst {
  readonly #outbox: IOutbox

  constructor(outbox: IOutbox) {
    this.#outbox = outbox
  }

  async append(messages: readonly WireMessage[], forward: boolean, signal: AbortSignal | undefined): Promise<void> {
    if (!forward || messages.length === 0) return
    try {
      await this.#outbox.accept(messages, { signal })
    } catch (thrown) {
      const error = toError(thrown)
      if (isInterlineError(error) && !error.retryable) throw error
      throw new PublishError(`The ${this.#outbox.name} outbox did not take the event: ${error.message}`, {
        cause: error,
        outcome: 'unknown',
      })
    }
  }

  async forwarded(): Promise<void> {
    await this.#outbox.passed()
  }
}
