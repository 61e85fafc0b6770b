import { ConfigurationError, DecodeError } from '../errors.js'

/** From a version to the next: `{ 1: (data) => … }` turns data of version 1 into data of version 2. */
export type Upcasters = Readonly<Record<number, (data: never) => unknown>>

type Step = (data: unknown) => unknown

/** The steps in order, from the oldest version that can still be read. Throws ConfigurationError when one in between is missing. */
export class UpcastChain {
  readonly #type: string
  readonly #version: number
  readonly #steps: ReadonlyMap<number, Step>

  constructor(type: string, version: number, upcasters: Upcasters = {}) {
    this.#type = type
    this.#version = version
    const known = Object.keys(upcasters).map(Number)
    for (const from of known) {
      if (!Number.isInteger(from) || from < 1 || from >= version) {
        throw new ConfigurationError(
          `Event "${type}" is at version ${version}; it can't have an upcaster from version ${from}. Steps go from 1 to ${version - 1}.`,
        )
      }
    }
    for (let from = Math.min(...known); from < version; from++) {
      if (!known.includes(from)) {
        throw new ConfigurationError(
          `Event "${type}" has no upcaster from version ${from} to ${from + 1}. Add upcast: { ${from}: (data) => … }.`,
        )
      }
    }
    this.#steps = new Map(known.map((from) => [from, upcasters[from] as Step]))
  }

  /** Versions that have a step, as text, to tell two definitions apart. */
  get versions(): string {
    return [...this.#steps.keys()].sort((left, right) => left - right).join(',')
  }

  /** Throws DecodeError where the data is older than the oldest step. Data that is newer than this process knows is left as it is. */
  apply(data: unknown, version: number): unknown {
    let current = data
    for (let from = version; from < this.#version; from++) {
      const step = this.#steps.get(from)
      if (step === undefined) {
        throw new DecodeError(
          `Event "${this.#type}" arrived in version ${version}, and this process knows only version ${this.#version}. Add upcast: { ${from}: (data) => … } to its definition.`,
        )
      }
      current = this.#run(step, current, from)
    }
    return current
  }

  #run(step: Step, data: unknown, from: number): unknown {
    try {
      return step(data)
    } catch (cause) {
      throw new DecodeError(
        `The upcaster of event "${this.#type}" from version ${from} to ${from + 1} failed. Correct it; the event is unchanged.`,
        { cause },
      )
    }
  }
}
