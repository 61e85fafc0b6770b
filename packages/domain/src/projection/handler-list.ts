import { type AnyTarget, ConfigurationError, resolveTarget } from '@interline/core'
import type { ProjectionContext, ProjectionHandler } from './projection-options.js'

/** Which handlers are for which types of events, in the order in which they were added. */
export class HandlerList {
  readonly #byType = new Map<string, ProjectionHandler<never>[]>()

  add(target: AnyTarget | readonly AnyTarget[], handler: ProjectionHandler<never>): void {
    const { types, patterns, bareNames } = resolveTarget(target)
    if (patterns.length > 0) {
      throw new ConfigurationError(`A projection handles types of events, and "${patterns[0]}" is a pattern of topics. Name the events.`)
    }
    if (typeof handler !== 'function') throw new ConfigurationError('A handler of a projection must be a function.')
    // A name that nobody defined here is the type of an event that another service stored.
    for (const type of [...types, ...bareNames]) {
      const handlers = this.#byType.get(type)
      if (handlers === undefined) this.#byType.set(type, [handler])
      else handlers.push(handler)
    }
  }

  get types(): readonly string[] {
    return [...this.#byType.keys()]
  }

  async handle(type: string, event: object, context: ProjectionContext): Promise<void> {
    for (const handler of this.#byType.get(type) ?? []) await handler(event as never, context)
  }
}
