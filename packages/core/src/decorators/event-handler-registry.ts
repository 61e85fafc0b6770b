import { resolveTarget } from '../event/targets.js'
import { handlerDescriptions } from './handler-descriptions.js'

export type HandlerListener = (handler: object) => void

const place = Symbol.for('interline.handlers')

/**
 * The instances of all decorated handlers of the process. The default bus subscribes them; `bus.register(instance)` is the way that
 * needs no global place. It holds its handlers until `unregister` or `clear`.
 */
export class EventHandlerRegistry {
  readonly #handlers = new Set<object>()
  readonly #listeners = new Set<HandlerListener>()
  #registrations = 0

  /** One for the process, also where two copies of this package are installed. */
  static getInstance(): EventHandlerRegistry {
    return ((globalThis as { [place]?: EventHandlerRegistry })[place] ??= new EventHandlerRegistry())
  }

  get handlers(): readonly object[] {
    return [...this.#handlers]
  }

  /** How many have registered so far, in all: who has seen this number has seen every handler. */
  get registrations(): number {
    return this.#registrations
  }

  /** False where it was registered before. Listeners hear of it when its constructors are through. */
  register(handler: object): boolean {
    if (this.#handlers.has(handler)) return false
    this.#handlers.add(handler)
    this.#registrations++
    if (this.#listeners.size > 0) queueMicrotask(() => this.#tell(handler))
    return true
  }

  /** False where it was not registered. Does not end its subscriptions. */
  unregister(handler: object): boolean {
    return this.#handlers.delete(handler)
  }

  clear(): void {
    this.#handlers.clear()
  }

  /** The types that the registered handlers handle, and the topics and patterns where they name these instead. */
  getRegisteredEventTypes(): readonly string[] {
    const names = new Set<string>()
    for (const handler of this.#handlers) {
      for (const { target } of handlerDescriptions(handler)) {
        const { types, patterns, bareNames } = resolveTarget(target)
        for (const name of [...types, ...patterns, ...bareNames]) names.add(name)
      }
    }
    return [...names].sort()
  }

  /** Calls back for every handler that registers from now on. Answers how to stop that. */
  onRegistered(listener: HandlerListener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  #tell(handler: object): void {
    if (!this.#handlers.has(handler)) return
    for (const listener of [...this.#listeners]) listener(handler)
  }
}
