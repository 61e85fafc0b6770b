import type { BrokerContext } from './context.js'
import { isDriverError } from './drivers/driver.js'
import { decodeState } from './group/commit-metadata.js'

export interface GroupStanding {
  readonly group: string
  readonly destination: string
  /** Not handled yet, what waits for its time included. */
  readonly lag: number
}

interface Named {
  readonly group: string
  readonly destination: string
}

export async function describeGroups(context: BrokerContext, groups: readonly Named[]): Promise<readonly GroupStanding[]> {
  return Promise.all(
    groups.map(async (named) => ({ group: named.group, destination: named.destination, lag: await lagOf(context, named) })),
  )
}

async function lagOf({ control, names }: BrokerContext, { group, destination }: Named): Promise<number> {
  const topics = [names.topic(destination), names.retryTopic(group, destination)]
  try {
    const [committed, ...ends] = await Promise.all([
      control.committed(names.group(group, destination), topics),
      ...topics.map((topic) => control.offsets(topic, 'latest')),
    ])
    const begins = committed.some(({ offset }) => offset < 0)
      ? await Promise.all(topics.map((topic) => control.offsets(topic, 'earliest')))
      : []
    let lag = 0
    for (const { topic, partition, offset, metadata } of committed) {
      const at = topics.indexOf(topic)
      const end = ends[at]?.get(partition) ?? 0
      const from = offset >= 0 ? offset : (begins[at]?.get(partition) ?? 0)
      lag += Math.max(0, end - from - decodeState(offset, metadata).done.length)
    }
    return lag
  } catch (error) {
    if (isDriverError(error, 'unknown-topic')) return 0
    throw error
  }
}

/** Ends a group for good. Its own topic stays for whoever wants to look; nobody reads it any more. */
export async function removeGroup({ control, names }: BrokerContext, group: string, destination: string): Promise<void> {
  await control.deleteGroup(names.group(group, destination))
}
