import { describeClass, type EventClass } from '../event/class-description.js'
import { checkDescription, checkOptionNames, type EventDescription } from '../event/definition-options.js'

/** A class decorator for both kinds of decorators, which leaves the class as it is. */
export type EventClassDecorator = (target: EventClass, context?: ClassDecoratorContext) => void

/** Names the events of a class, where it has no static fields for that and can't be made without arguments. Subclasses need their own. */
export function EventType(type: string, options: EventDescription = {}): EventClassDecorator {
  checkOptionNames(type, options)
  checkDescription(type, options)
  return (target) => describeClass(target, { ...options, type })
}
