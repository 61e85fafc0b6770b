/**
 * Names of everything that a store keeps. They share one hash tag, and so one slot of a cluster: an append to a stream and to the global
 * order is atomic only there. The store's ceiling is therefore what one shard can hold and do.
 */
export class StoreKeys {
  /**
   * Hash: `scope`, `position` and `time` of the newest event; `s:<stream>`, its version, and once it was deleted
   * `<version>:<version at deletion>:<position of the deletion>`; `d:<stream>`, its last deletion; `e:<event id>`, its place.
   */
  readonly state: string
  /** Stream of the global order. An entry's id is `<position>-0`; it names the stream and version, and holds what is filtered by. */
  readonly log: string
  /** Hash of a reader's name to how far it has got. */
  readonly checkpoints: string
  /** Hash of deletions whose traces are still to be removed to their stream. */
  readonly deletions: string
  readonly #tag: string

  constructor(prefix: string) {
    this.#tag = `{${prefix}}:store`
    this.state = `${this.#tag}:state`
    this.log = `${this.#tag}:log`
    this.checkpoints = `${this.#tag}:checkpoints`
    this.deletions = `${this.#tag}:deletions`
  }

  /** Stream of a stream's events. An entry's id is `0-<version>`. */
  events(stream: string): string {
    return `${this.#tag}:events:${stream}`
  }

  /** Sorted set, by position, of the places of what has a correlation id other than its own id. */
  correlation(correlationId: string): string {
    return `${this.#tag}:correlation:${correlationId}`
  }

  /** Where a deleted stream's events are until their traces are removed. */
  deleted(deletion: string): string {
    return `${this.#tag}:deleted:${deletion}`
  }
}

export function eventField(id: string): string {
  return `e:${id}`
}

/** Where an event stands, as text. */
export function placeOf(position: string, version: number, stream: string): string {
  return `${position}:${version}:${stream}`
}

/** Whether an event needs an index to be found by its correlation id: not where that is its own id. */
export function correlationIndexed({ id, correlationid }: Readonly<Record<string, string>>): boolean {
  return correlationid !== undefined && correlationid !== '' && correlationid !== id
}
