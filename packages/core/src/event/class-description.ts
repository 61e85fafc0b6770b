import type { EventDescription } from './definition-options.js'

/** The constructor of events. */
export type EventClass<Event extends object = object> = abstract new (...args: never[]) => Event

/** What a class says of its events without an instance: by static fields, or by its decorator. */
export interface ClassDescription extends EventDescription {
  readonly type?: string | undefined
  readonly fromData?: ((data: never) => object) | undefined
}

const decorated = new WeakMap<object, ClassDescription>()

/** Notes what a decorator says of a class. */
export function describeClass(target: object, description: ClassDescription): void {
  decorated.set(target, description)
}

/** Static fields first, then the decorator, each field for itself. Static fields are inherited, a decorator is not. */
export function descriptionOf(target: EventClass): ClassDescription {
  const statics = target as unknown as Partial<Record<keyof ClassDescription | 'eventType', never>>
  const given = decorated.get(target)
  return {
    type: statics.eventType ?? textOrNothing(statics.type) ?? given?.type,
    version: statics.version ?? given?.version,
    topic: statics.topic ?? given?.topic,
    priority: statics.priority ?? given?.priority,
    schema: statics.schema ?? given?.schema,
    key: functionOrNothing(statics.key, target) ?? given?.key,
    upcast: statics.upcast ?? given?.upcast,
    encrypt: statics.encrypt ?? given?.encrypt,
    subject: functionOrNothing(statics.subject, target) ?? given?.subject,
    fromData: functionOrNothing(statics.fromData, target),
  }
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function functionOrNothing<Result>(value: ((data: never) => Result) | undefined, owner: object): ((data: never) => Result) | undefined {
  return typeof value === 'function' ? value.bind(owner) : undefined
}
