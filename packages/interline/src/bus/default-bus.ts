import type { HandlerAdoption } from './handler-adoption.js'

interface Holder {
  readonly adoption: HandlerAdoption
  /** A bus for tests gives way to the next bus, so that a test's handlers go to the test's bus even where earlier ones were not closed. */
  readonly givesWay: boolean
}

const place = Symbol.for('interline.default-bus')
const shared = globalThis as { [place]?: Holder | undefined }

/** Makes this the one that takes the decorated handlers of the process. False where another has that place. */
export function claimDefault(adoption: HandlerAdoption, givesWay: boolean): boolean {
  const holder = shared[place]
  if (holder !== undefined && !holder.givesWay) return false
  shared[place] = { adoption, givesWay }
  holder?.adoption.end()
  return true
}

export function releaseDefault(adoption: HandlerAdoption): void {
  if (shared[place]?.adoption === adoption) shared[place] = undefined
}
