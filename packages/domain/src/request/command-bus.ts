import type { PlainRequest, Request } from './request.js'
import { type DispatchOptions, RequestBus, type RequestBusOptions } from './request-bus.js'

/**
 * Takes commands to their one handler: in this process where it is registered here, else, with a `bus`, to a process where it is.
 * A command that was dispatched is tried once, and its error is the caller's; one that was sent is retried and dead-lettered like an event.
 */
export class CommandBus extends RequestBus {
  constructor(options?: RequestBusOptions) {
    super('command', options)
  }

  /** Resolves when the broker has stored the command, to be handled by whoever serves it, also when that is later. Nobody answers. */
  send(command: Request | PlainRequest, options: Omit<DispatchOptions, 'timeoutMs'> = {}): Promise<void> {
    return this.sendAway(command, options)
  }
}
