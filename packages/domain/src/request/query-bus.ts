import { RequestBus, type RequestBusOptions } from './request-bus.js'

/** Takes queries to their one handler, as the command bus does with commands, and back comes its answer. */
export class QueryBus extends RequestBus {
  constructor(options?: RequestBusOptions) {
    super('query', options)
  }
}
