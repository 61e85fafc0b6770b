import type { RecordedEvent } from 'interline'
import type { Outcome } from './outcome.js'
import { same, typeOf } from './recorded.js'

/** The events of a login, and of what its session did later, have its correlation id, and no others have. */
export function correlates(lanes: readonly (readonly Outcome[])[], recorded: readonly RecordedEvent[]): boolean {
  const found = new Map<string, string[]>()
  for (const event of recorded) append(found, event.message.attributes.correlationid ?? '', [typeOf(event)])
  const expected = new Map<readonly string[], string[]>()
  for (const lane of lanes) {
    let ids: readonly string[] = []
    for (const outcome of lane) {
      if (outcome.performed.step.kind === 'login') ids = outcome.performed.correlationIds
      append(expected, ids, outcome.expected.events)
    }
  }
  const those = [...expected].map(([ids, types]) => ({ types, found: ids.flatMap((id) => found.get(id) ?? []) }))
  return those.every((each) => same(each.types, each.found)) && new Set([...expected.keys()].flat()).size === found.size
}

function append<Key>(map: Map<Key, string[]>, key: Key, values: readonly string[]): void {
  map.set(key, [...(map.get(key) ?? []), ...values])
}
