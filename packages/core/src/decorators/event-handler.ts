import type { HandlerOptions } from '../bus/subscribe-options.js'
import { ConfigurationError } from '../errors.js'
import type { AnyTarget } from '../event/targets.js'
import { EventHandlerRegistry } from './event-handler-registry.js'
import { markClass } from './marks.js'

type HandlerClass = new (...args: never[]) => object

/** A class decorator for both kinds: legacy compilers call it with the class, TC39 ones with the class and a context. */
export type HandlerClassDecorator = <Class extends HandlerClass>(target: Class, context?: ClassDecoratorContext<Class>) => Class

/**
 * Makes a class handle an event, or any of several: by its method `handle`, unless a method decorated with `@HandleEvent` does.
 * Every instance, also one of a subclass, registers itself with the EventHandlerRegistry when it is constructed.
 */
export function EventHandler(target: AnyTarget | readonly AnyTarget[], options: HandlerOptions<never> = {}): HandlerClassDecorator {
  const targets: readonly AnyTarget[] = Array.isArray(target) ? target : [target as AnyTarget]
  if (targets.length === 0 || targets.some((item) => item === undefined || item === null)) {
    throw new ConfigurationError(
      '@EventHandler got no event. Give it a definition or a class; one that is undefined is often imported in a circle.',
    )
  }
  return function eventHandler(decorated, context) {
    if (typeof decorated !== 'function' || (context !== undefined && context.kind !== 'class')) {
      throw new ConfigurationError('@EventHandler belongs on a class. On a method, use @HandleEvent.')
    }
    markClass(decorated, { targets, options })
    return registering(decorated)
  }
}

/** A class of the same name whose instances register themselves. Subclassing keeps statics, and metadata that others keep by class. */
function registering<Class extends HandlerClass>(decorated: Class): Class {
  const Base = decorated as unknown as new (...args: unknown[]) => object
  const wrapped = class extends Base {
    constructor(...args: unknown[]) {
      super(...args)
      EventHandlerRegistry.getInstance().register(this)
    }
  }
  Object.defineProperty(wrapped, 'name', { value: decorated.name, configurable: true })
  Object.defineProperty(wrapped, 'length', { value: decorated.length, configurable: true })
  return wrapped as unknown as Class
}
