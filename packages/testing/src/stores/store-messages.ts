import { newEventId, type RecordedEvent, type WireData, type WireMessage } from '@interline/core'

interface MessageParts {
  readonly type?: string | undefined
  readonly data?: WireData | undefined
  readonly key?: string | undefined
  readonly attributes?: Readonly<Record<string, string>> | undefined
}

/** An event as the bus would hand it to a store. */
export function storedMessage(
  n: number,
  { type = 'interline.test.Stored', data, key = 'one', attributes }: MessageParts = {},
): WireMessage {
  return {
    destination: 'stored',
    topic: 'stored.things',
    key,
    attributes: {
      id: newEventId(),
      source: '/suite',
      specversion: '1.0',
      type,
      time: new Date().toISOString(),
      datacontenttype: typeof data === 'object' ? 'application/octet-stream' : 'application/json',
      partitionkey: key,
      topic: 'stored.things',
      ...attributes,
    },
    data: data ?? JSON.stringify({ n }),
  }
}

export function storedMessages(count: number, parts?: MessageParts): readonly WireMessage[] {
  return Array.from({ length: count }, (_, n) => storedMessage(n, parts))
}

/** The number that a stored message was made with. */
export function numberOf({ data }: WireMessage): number {
  return (JSON.parse(data as string) as { readonly n: number }).n
}

export function idsOf(events: readonly (RecordedEvent | WireMessage)[]): readonly (string | undefined)[] {
  return events.map((event) => ('message' in event ? event.message : event).attributes.id)
}
