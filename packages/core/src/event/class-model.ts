import { DecodeError, InvalidEventError } from '../errors.js'
import type { Awaitable } from '../ports/abortable.js'
import { type ClassDescription, descriptionOf, type EventClass } from './class-description.js'
import { isPriority } from './definition-options.js'
import { DescribedModel } from './described-model.js'
import { BaseEvent, isBaseEvent } from './domain-event.js'
import type { ReceivedEvent } from './event-model.js'
import { checkFieldNames } from './field-names.js'
import { type EventMetadata, isMetadata, newMetadata } from './metadata.js'
import { typeOfPlainEvent } from './plain-event.js'
import type { EventPriority } from './priority.js'

type Fields = Readonly<Record<string, unknown>>

/** Fields that describe an event rather than being its data, where the class does not say them by static fields or its decorator. */
const describingNames = ['version', 'topic', 'priority'] as const

/** Events as instances of a class. */
export class ClassModel extends DescribedModel {
  readonly #class: EventClass
  readonly #fromData: ((data: never) => object) | undefined
  /** Own fields of an instance that are not data. */
  readonly #excluded: ReadonlySet<string>
  /** What describes the event and is answered by a getter of the class. */
  readonly #getters: ReadonlySet<string>
  /** Own fields that describe the event, to be set again on a received one. */
  readonly #described: Fields

  constructor(target: EventClass, type: string, description: ClassDescription, sample: Fields | undefined) {
    super(type, description)
    this.#class = target
    this.#fromData = description.fromData
    const said = descriptionOf(target)
    const names = ['eventType', ...describingNames.filter((name) => said[name] === undefined)]
    this.#excluded = new Set(['metadata', ...names])
    this.#getters = new Set(names.filter((name) => hasGetter(target, name)))
    const { version, topic, priority } = this
    const values: Fields = { eventType: type, version, topic, priority }
    this.#described = Object.fromEntries(
      names.filter((name) => sample !== undefined && Object.hasOwn(sample, name)).map((name) => [name, values[name]]),
    )
  }

  /** Throws InvalidEventError where an instance contradicts what its class was found to be. */
  check(event: Fields): void {
    if (!this.#made(event)) {
      this.partsOf(event)
      return
    }
    this.#compare(event, 'eventType', this.type)
    this.#compare(event, 'version', this.version)
    this.#compare(event, 'topic', this.topic)
  }

  /** An instance may have a priority of its own. */
  priorityOf(event: Fields): EventPriority {
    const priority = this.#says(event, 'priority') ? event.priority : undefined
    if (priority === undefined) return this.priority
    if (isPriority(priority)) return priority
    throw new InvalidEventError(
      `Event "${this.type}" has no priority that exists. Use EventPriority, or name it otherwise and give the class a static priority.`,
    )
  }

  dataOf(event: object): unknown {
    if (!this.#made(event)) return this.partsOf(event).data
    const data: Record<string, unknown> = {}
    for (const name of Object.keys(event)) {
      if (name === '__proto__') throw new InvalidEventError(`Event "${this.type}" may not have a field "__proto__". Remove it.`)
      if (!this.#excluded.has(name)) data[name] = (event as Fields)[name]
    }
    return data
  }

  metadataOf(event: object): EventMetadata {
    if (!this.#made(event)) return this.partsOf(event).metadata
    const { metadata } = event as { metadata?: EventMetadata }
    return isMetadata(metadata) ? metadata : newMetadata(metadata)
  }

  /** The event itself where it never left the process, was made as an event, and no schema may make another of it. */
  override receive(received: ReceivedEvent): Awaitable<object> {
    const { event } = received
    const ready = event !== undefined && received.model === this && this.validate === undefined && isBaseEvent(event)
    return ready ? event : super.receive(received)
  }

  protected build(data: unknown, received: ReceivedEvent): object {
    checkFieldNames(data, `event "${this.type}" ${received.metadata.eventId}`)
    const event = this.#fromData === undefined ? this.#assemble(data, received) : this.#fromData(data as never)
    if (!(event instanceof this.#class)) {
      throw new InvalidEventError(`${this.#class.name}.fromData must give an instance of ${this.#class.name}.`)
    }
    setOwn(event, 'metadata', received.metadata)
    return event
  }

  #assemble(data: unknown, received: ReceivedEvent): object {
    if (typeof data !== 'object' || data === null || Array.isArray(data)) {
      throw new DecodeError(
        `Event "${this.type}" ${received.metadata.eventId} has no object as data, so no ${this.#class.name} can be made of it.`,
      )
    }
    const event: object = Object.create(this.#class.prototype)
    for (const name of Object.keys(this.#described)) setOwn(event, name, this.#described[name])
    for (const name of Object.keys(data)) {
      if (!this.#excluded.has(name)) setOwn(event, name, (data as Fields)[name])
    }
    return event
  }

  /** Otherwise it is a plain object that names the type. */
  #made(event: object): boolean {
    return event instanceof this.#class
  }

  #says(event: Fields, name: string): boolean {
    return this.#excluded.has(name) && (Object.hasOwn(event, name) || this.#getters.has(name))
  }

  #compare(event: Fields, name: string, known: unknown): void {
    if (!this.#says(event, name)) return
    const found = event[name]
    if (found === undefined || found === known) return
    throw new InvalidEventError(
      `An instance of ${this.#class.name} has the ${name} "${String(found)}", and the class is known with "${String(known)}". Say it once: static ${name} = …`,
    )
  }
}

function setOwn(event: object, name: string, value: unknown): void {
  Object.defineProperty(event, name, { value, writable: true, enumerable: true, configurable: true })
}

/**
 * Finds out what a class is as an event: by its static fields, else its decorator, else an instance, else its name. Without a real
 * instance it makes one, without arguments. Throws InvalidEventError, saying how to name it, where none of these gives a type.
 */
export function modelOfClass(target: EventClass, instance?: object): ClassModel {
  const said = descriptionOf(target)
  const complete = said.type !== undefined && describingNames.every((name) => said[name] !== undefined)
  const sample = (instance ?? (complete ? undefined : probe(target))) as Fields | undefined
  const type = said.type ?? (sample === undefined ? undefined : (typeOfInstance(sample) ?? target.name))
  if (type === undefined || type === '') throw new InvalidEventError(howToName(target))
  return new ClassModel(target, type, { ...said, ...ownDescription(said, sample) }, sample)
}

function ownDescription(said: ClassDescription, sample: Fields | undefined): ClassDescription {
  if (sample === undefined) return {}
  const found: Record<string, unknown> = {}
  for (const name of describingNames) {
    if (said[name] === undefined && sample[name] !== undefined) found[name] = sample[name]
  }
  return found
}

function typeOfInstance(sample: Fields): string | undefined {
  return sample instanceof BaseEvent ? sample.eventType : typeOfPlainEvent(sample)
}

/** An instance made without arguments; where that throws, an empty one if the class answers its type by a getter. */
function probe(target: EventClass): object | undefined {
  try {
    return Reflect.construct(target, []) as object
  } catch (cause) {
    if (hasGetter(target, 'eventType')) return Object.create(target.prototype) as object
    if (descriptionOf(target).type !== undefined) return undefined
    throw new InvalidEventError(howToName(target), { cause })
  }
}

/** A getter of its own, not the one that every event has. */
function hasGetter(target: EventClass, name: string): boolean {
  let prototype = target.prototype as object | null
  while (prototype !== null && prototype !== BaseEvent.prototype && prototype !== Object.prototype) {
    if (Object.hasOwn(prototype, name)) return true
    prototype = Object.getPrototypeOf(prototype) as object | null
  }
  return false
}

function howToName(target: EventClass): string {
  const name = target.name === '' ? 'An event class without a name' : `Event class ${target.name}`
  return `${name} can't be made without arguments, so its type is unknown. Add static readonly eventType = '…' (and topic, version where it has them).`
}
