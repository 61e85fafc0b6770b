const segmentBits = 9
/** Memory is freed in segments of this many. */
const segmentSize = 2 ** segmentBits

/** Items in the order they were appended, each at a position that never changes; the oldest can be dropped. */
export class SegmentedLog<T> {
  #segments: (T | undefined)[][] = []
  /** The newest segment. */
  #tail: (T | undefined)[] = []
  /** Position of the first item of the first segment. */
  #base = 0
  #start = 0
  #head = 0

  /** Position of the oldest item that is kept. */
  get start(): number {
    return this.#start
  }

  /** Position that the next item will have. */
  get head(): number {
    return this.#head
  }

  append(item: T): void {
    if (endsSegment(this.#head)) this.#segments.push((this.#tail = []))
    this.#tail.push(item)
    this.#head++
  }

  /** The item at a position; `undefined` where it was dropped, removed or never there. */
  at(position: number): T | undefined {
    return this.#segments[(position - this.#base) >> segmentBits]?.[position & (segmentSize - 1)]
  }

  /** Leaves a hole; other positions stay as they are. */
  remove(position: number): void {
    const segment = this.#segments[(position - this.#base) >> segmentBits]
    if (segment !== undefined) segment[position & (segmentSize - 1)] = undefined
  }

  /** Drops what lies before the position. */
  dropBefore(position: number): void {
    if (position <= this.#start) return
    this.#start = Math.min(position, this.#head)
    const segments = (this.#start - this.#base) >> segmentBits
    if (segments === 0) return
    this.#segments.splice(0, segments)
    this.#base += segments * segmentSize
  }
}

/** Whether the items before this position fill their segment: the moment to drop what nobody needs. */
export function endsSegment(position: number): boolean {
  return (position & (segmentSize - 1)) === 0
}
