import type { EventPriority } from '../event/priority.js'
import type { Abortable } from '../ports/abortable.js'

export interface PublishOptions extends Abortable {
  /** What order is kept by, instead of the definition's key. */
  readonly key?: string | undefined
  /** Another topic than the definition's. */
  readonly topic?: string | undefined
  readonly priority?: EventPriority | undefined
  /** No handler sees it before this time. Only where the broker can. */
  readonly deliverAt?: Date | undefined
  /** The same, from now on. */
  readonly delayMs?: number | undefined
}
