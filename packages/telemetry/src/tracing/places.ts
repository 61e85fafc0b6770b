import type { Attributes } from '@opentelemetry/api'
import { attribute } from '../conventions.js'

/** What spans of one operation at one destination have in common: the name, and what a sampler may want to know. */
export interface Place {
  readonly broker: string
  readonly name: string
  readonly attributes: Attributes
}

export interface Operation {
  readonly name: string
  readonly type: string
}

/** Remembered at the most: names of destinations may be made of names that come from outside. */
const most = 1_000

/** Makes it once for each destination, and not for each span. */
export class Places {
  readonly #operation: Operation
  readonly #always: Attributes | undefined
  readonly #made = new Map<string, Place>()

  constructor(operation: Operation, always: Attributes | undefined) {
    this.#operation = operation
    this.#always = always
  }

  /** Without a destination where it is about several. */
  at(broker: string, destination: string | undefined): Place {
    const known = this.#made.get(destination ?? '')
    if (known !== undefined && known.broker === broker) return known
    const place = this.#make(broker, destination)
    if (this.#made.size >= most) this.#made.clear()
    this.#made.set(destination ?? '', place)
    return place
  }

  #make(broker: string, destination: string | undefined): Place {
    const { name, type } = this.#operation
    const attributes: Attributes = {
      ...this.#always,
      [attribute.system]: broker,
      [attribute.operationName]: name,
      [attribute.operationType]: type,
    }
    if (destination === undefined) return { broker, name, attributes }
    attributes[attribute.destination] = destination
    return { broker, name: `${name} ${destination}`, attributes }
  }
}
