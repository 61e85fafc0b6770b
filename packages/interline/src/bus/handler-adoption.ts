import { EventHandlerRegistry, type IEventBus, toError } from '@interline/core'

export interface HandlerAdoptionSettings {
  readonly bus: IEventBus
  /** Told of a handler that was constructed later and can't be subscribed: its constructor has long returned. */
  readonly report: (error: Error) => void
  readonly ended: (adoption: HandlerAdoption) => void
}

/** Subscribes the instances of decorated classes on a bus: those that there are, and each that is constructed later. */
export class HandlerAdoption {
  readonly #settings: HandlerAdoptionSettings
  readonly #registry = EventHandlerRegistry.getInstance()
  readonly #adopted = new WeakSet<object>()
  #seen = 0
  #stopListening: (() => void) | undefined

  constructor(settings: HandlerAdoptionSettings) {
    this.#settings = settings
  }

  /** Rejects with what is wrong with one of those that there are. */
  async begin(): Promise<void> {
    this.#stopListening ??= this.#registry.onRegistered(() => this.catchUp())
    await Promise.all(this.#newcomers().map((handler) => this.#settings.bus.register(handler)))
  }

  /** Takes those that came since; before a publish, so that a handler gets what is published right after it was constructed. */
  catchUp(): void {
    if (this.#seen === this.#registry.registrations) return
    for (const handler of this.#newcomers()) {
      this.#settings.bus.register(handler).catch((thrown: unknown) => this.#settings.report(toError(thrown)))
    }
  }

  end(): void {
    this.#stopListening?.()
    this.#stopListening = undefined
    this.#settings.ended(this)
  }

  #newcomers(): readonly object[] {
    this.#seen = this.#registry.registrations
    const newcomers = this.#registry.handlers.filter((handler) => !this.#adopted.has(handler))
    for (const handler of newcomers) this.#adopted.add(handler)
    return newcomers
  }
}
