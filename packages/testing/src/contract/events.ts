import { defineEvent, type EventDefinition, staticSchema, type ValueEvent } from '@interline/core'

/** What the cases publish: a number to recognise it by, a key, and anything else. */
export interface Thing {
  readonly n: number
  readonly key?: string | undefined
  readonly payload?: unknown
}

export type ThingEvent = ValueEvent<string, Thing>

const made = new Map<string, EventDefinition<string, Thing>>()

/** Definitions are global to the process, so each is made once. */
export function thingEvent(type: string, topic: string): EventDefinition<string, Thing> {
  let definition = made.get(type)
  if (definition === undefined) {
    definition = defineEvent(type, { topic, schema: staticSchema<Thing>(), key: (data) => data.key })
    made.set(type, definition)
  }
  return definition
}

export const ThingMade: EventDefinition<string, Thing> = thingEvent('interline.test.ThingMade', 'things.made')
/** Of the same destination as ThingMade. */
export const ThingSent: EventDefinition<string, Thing> = thingEvent('interline.test.ThingSent', 'things.sent')
/** Of another destination. */
export const OtherMade: EventDefinition<string, Thing> = thingEvent('interline.test.OtherMade', 'others.made')

/** `count` events with n = 0, 1, 2 …, spread over so many keys; no key where `keys` is 0. */
export function things(count: number, keys = 0, definition: EventDefinition<string, Thing> = ThingMade): readonly ThingEvent[] {
  return Array.from({ length: count }, (_, n) => definition(keys === 0 ? { n } : { n: Math.floor(n / keys), key: `key-${n % keys}` }))
}

/** The numbers of events, in order. */
export function numbers(events: readonly { readonly data: Thing }[]): readonly number[] {
  return events.map(({ data }) => data.n)
}

export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index)
}

export function ascending(values: readonly number[]): readonly number[] {
  return [...values].sort((left, right) => left - right)
}
