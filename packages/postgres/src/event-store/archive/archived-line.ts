import { DecodeError, type RecordedEvent } from '@interline/core'

/**
 * An archived event is one line of JSON: a recorded event with the parts of its message, where bytes are in `data_base64`, as CloudEvents
 * writes them. The first line of a file says what it is.
 */
export interface FileHead {
  readonly format: 'interline.archive'
  readonly version: 1
  /** The store's own scope. */
  readonly scope: string
  readonly first: number
  readonly last: number
}

export function lineOf(event: RecordedEvent): string {
  const { data, ...message } = event.message
  const content = typeof data === 'string' ? { data } : { data_base64: Buffer.from(data as Uint8Array).toString('base64') }
  return JSON.stringify({ ...event, message: { ...message, ...content } })
}

export function eventOf(line: string, file: string): RecordedEvent {
  try {
    const { message, ...event } = JSON.parse(line) as Omit<RecordedEvent, 'message'> & {
      readonly message: Omit<RecordedEvent['message'], 'data' | 'key'> & {
        readonly key?: string
        readonly data?: string
        readonly data_base64?: string
      }
    }
    const { data_base64: base64, key, ...rest } = message
    const data = base64 === undefined ? (rest.data ?? '') : Buffer.from(base64, 'base64')
    return { ...event, message: { ...rest, key, data } }
  } catch (cause) {
    throw new DecodeError(`The archive file ${file} has a line that is no event. Restore the file from a backup.`, { cause })
  }
}
