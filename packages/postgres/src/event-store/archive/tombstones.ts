import { type RecordedEvent, streamDeletedType } from '@interline/core'

/** A deletion's record belongs to the order of all, and to no stream. */
export function isTombstone({ message: { attributes } }: RecordedEvent): boolean {
  return attributes.type === streamDeletedType && attributes.source === 'interline'
}
