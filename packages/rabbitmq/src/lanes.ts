import { Lane } from './lane.js'

interface Sent {
  readonly place: number
  readonly until: number
  readonly lane?: string | undefined
}

/** What the server refused for now, with what waits behind it: by lanes where there is order, and else on its own. */
export class Lanes<Sending extends Sent> {
  readonly #lanes = new Map<string, Lane<Sending>>()
  #refused: Sending[] = []
  #size = 0

  /** How many are held back. */
  get size(): number {
    return this.#size
  }

  /** Goes on its way; `false` where it has to wait behind others, and does. */
  enters(sending: Sending): boolean {
    const lane = this.#laneOf(sending)
    if (lane?.holds !== true) return true
    lane.hold(sending)
    this.#size++
    return false
  }

  sent(sending: Sending): void {
    this.#laneOf(sending)?.sent()
  }

  givenUp(sending: Sending): void {
    this.#laneOf(sending)?.givenUp()
  }

  /** Answers what is too late by that. */
  stored(sending: Sending): readonly Sending[] {
    return this.#without(this.#laneOf(sending)?.stored(sending) ?? [])
  }

  /** `false` where it is too late to be sent again. */
  refused(sending: Sending): boolean {
    const lane = this.#laneOf(sending)
    if (lane?.refused(sending) === false) return false
    if (lane === undefined) this.#refused.push(sending)
    this.#size++
    return true
  }

  /** Takes out what may be sent again, in its order. */
  takeDue(): readonly Sending[] {
    const lanes = [...this.#lanes.values()].filter(({ isDue }) => isDue)
    return this.#without(inOrder([...this.#refused.splice(0), ...lanes.flatMap((lane) => lane.take())]))
  }

  /** Takes out what is chosen of all that is here. */
  take(chosen: (sending: Sending) => boolean): readonly Sending[] {
    const alone = this.#refused.filter(chosen)
    this.#refused = this.#refused.filter((sending) => !alone.includes(sending))
    return this.#without([...alone, ...[...this.#lanes.values()].flatMap((lane) => lane.take(chosen))])
  }

  /** The channel is gone: everything without an answer is sent again, in its order. */
  restart(unconfirmed: readonly Sending[]): readonly Sending[] {
    const held = this.take(() => true)
    this.#lanes.clear()
    return inOrder([...unconfirmed, ...held])
  }

  #without(taken: readonly Sending[]): readonly Sending[] {
    this.#size -= taken.length
    return taken
  }

  #laneOf({ lane: name }: Sending): Lane<Sending> | undefined {
    if (name === undefined) return undefined
    let lane = this.#lanes.get(name)
    if (lane === undefined) this.#lanes.set(name, (lane = new Lane()))
    return lane
  }
}

function inOrder<Sending extends Sent>(sendings: readonly Sending[]): readonly Sending[] {
  return [...sendings].sort((left, right) => left.place - right.place)
}
