/** Appends these events to a stream at a version. */
export type Append = (stream: string, expected: number, numbers: readonly number[]) => Promise<unknown>

const perStream = 1_000

/** `writers` at once, each with a stream of its own at a time, `size` events in an append. */
export function inStreams(append: Append, size: number, writers: number): (events: number) => Promise<void> {
  let streams = 0
  return async (events) => {
    let next = 0
    const write = async (): Promise<void> => {
      let stream = ''
      for (let version = 0; next < events; version += size) {
        if (version % perStream === 0) {
          stream = `stream-${streams++}`
          version = 0
        }
        const first = next
        next += size
        await append(
          stream,
          version,
          Array.from({ length: size }, (_, index) => first + index),
        )
      }
    }
    await Promise.all(Array.from({ length: writers }, write))
  }
}
