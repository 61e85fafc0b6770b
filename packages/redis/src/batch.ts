import type { WireMessage } from '@interline/core'
import { type KeySpace, partitionOf } from './key-space.js'
import type { EntryFields } from './redis-message.js'
import type { ScriptArgument } from './scripts/script.js'

/** A message that was found fit to be stored. */
export interface Outgoing {
  readonly message: WireMessage
  readonly fields: EntryFields
}

interface Shape {
  readonly names: readonly string[]
  /** What all messages of the shape share, by field; `undefined` where they differ. */
  readonly shared: (string | Buffer | undefined)[]
}

/** Keys and arguments of `publishScript` for messages in their order, without the counter and its two values. */
export interface Batch {
  readonly keys: readonly string[]
  readonly values: readonly ScriptArgument[]
}

/**
 * Events of one kind have most of their attributes in common; those travel once for a batch, which halves the work of client and
 * server.
 */
export class BatchBuilder {
  readonly #keys: KeySpace
  readonly #partitionFor: (message: WireMessage) => number

  constructor(keys: KeySpace, partitionFor: (message: WireMessage) => number) {
    this.#keys = keys
    this.#partitionFor = partitionFor
  }

  build(messages: readonly Outgoing[]): Batch {
    const streams = new Places()
    const sets = new Places()
    const shapes = new Map<string, { shape: Shape; index: number }>()
    const placed = messages.map(({ message, fields }) => {
      const partition = this.#partitionFor(message)
      const places = message.deliverAt === undefined ? streams : sets
      const signature = fields.names.join()
      let known = shapes.get(signature)
      if (known === undefined) {
        known = { shape: { names: fields.names, shared: [...fields.values] }, index: shapes.size }
        shapes.set(signature, known)
      } else {
        narrow(known.shape.shared, fields.values)
      }
      return { message, fields, known, places, place: places.of(this.#target(message, partition)) }
    })
    const values: ScriptArgument[] = [String(streams.names.length), String(shapes.size)]
    for (const { shape } of shapes.values()) {
      values.push(String(shape.names.length))
      shape.names.forEach((name, field) => {
        const shared = shape.shared[field]
        if (shared === undefined) values.push(name, '*')
        else values.push(name, '=', shared)
      })
    }
    for (const { message, fields, known, places, place } of placed) {
      values.push(String(known.index * 4_096 + place + (places === sets ? streams.names.length : 0)))
      if (message.deliverAt !== undefined) values.push(String(Math.ceil(message.deliverAt)))
      const { shared } = known.shape
      for (let field = 0; field < shared.length; field++) {
        if (shared[field] === undefined) values.push(fields.values[field] as ScriptArgument)
      }
    }
    return { keys: [...streams.names, ...sets.names], values }
  }

  /** A redriven event goes to its group alone; one that waits, to a sorted set. */
  #target(message: WireMessage, partition: number): string {
    if (message.target !== undefined) {
      const keys = this.#keys.group(message.destination, partition, message.target.group)
      return message.deliverAt === undefined ? keys.retry : keys.delayed
    }
    const keys = this.#keys.partition(message.destination, partition)
    return message.deliverAt === undefined ? keys.events : keys.scheduled
  }
}

/** The partition of a message's key; a message without a key goes to the next one. */
export function placement(partitions: number): (message: WireMessage) => number {
  let next = Math.floor(Math.random() * 1_024)
  return ({ key }) => (key === undefined ? next++ % partitions : partitionOf(key, partitions))
}

function narrow(shared: (string | Buffer | undefined)[], values: readonly (string | Buffer)[]): void {
  for (let field = 0; field < shared.length; field++) {
    if (shared[field] !== undefined && shared[field] !== values[field]) shared[field] = undefined
  }
}

/** Names in the order in which they were first asked for. */
class Places {
  readonly names: string[] = []
  readonly #indexes = new Map<string, number>()

  of(name: string): number {
    let index = this.#indexes.get(name)
    if (index === undefined) {
      index = this.names.length
      this.names.push(name)
      this.#indexes.set(name, index)
    }
    return index
  }
}
