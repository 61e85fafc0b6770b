import type { HandlerOptions } from '../bus/subscribe-options.js'
import { ConfigurationError } from '../errors.js'
import type { AnyTarget } from '../event/targets.js'
import { type HandlerMark, markMethod } from './marks.js'

/** A method decorator for both kinds: legacy compilers call it with the prototype and a name, TC39 ones with the method and a context. */
export type HandlerMethodDecorator = (
  target: object,
  nameOrContext: string | symbol | ClassMethodDecoratorContext,
  descriptor?: PropertyDescriptor,
) => void

/**
 * Makes a method handle an event, or any of several. Without an event it is the one of the method's parameter, where the compiler
 * writes that down (`emitDecoratorMetadata`, with `reflect-metadata` loaded by you), else those of the class's `@EventHandler`.
 */
export function HandleEvent(target?: AnyTarget | readonly AnyTarget[], options: HandlerOptions<never> = {}): HandlerMethodDecorator {
  const targets: readonly AnyTarget[] | undefined =
    target === undefined ? undefined : Array.isArray(target) ? target : [target as AnyTarget]
  const mark: HandlerMark = { targets, options }
  return function handleEvent(decorated, nameOrContext) {
    if (typeof nameOrContext !== 'object') {
      if (typeof decorated === 'function') throw notAMethod(`static ${String(nameOrContext)}`)
      markMethod(decorated, requireName(nameOrContext), mark)
      return
    }
    const { kind, name, addInitializer } = nameOrContext
    if (kind !== 'method' || nameOrContext.static || nameOrContext.private) throw notAMethod(String(name))
    const method = requireName(name)
    const marked = new WeakSet<object>()
    // The prototype is not known before there is an instance: each class that has one is marked by its first.
    addInitializer(function (this: unknown) {
      const prototype = Object.getPrototypeOf(this) as object
      if (marked.has(prototype)) return
      marked.add(prototype)
      markMethod(prototype, method, mark)
    })
  }
}

function requireName(name: string | symbol): string {
  if (typeof name === 'string') return name
  throw new ConfigurationError('@HandleEvent needs a method whose name is text, because it becomes part of the name of the handler.')
}

function notAMethod(name: string): ConfigurationError {
  return new ConfigurationError(`@HandleEvent can't handle events with "${name}". It belongs on a public method of instances.`)
}
