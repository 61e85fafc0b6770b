import type { BrokerContext } from './context.js'
import { trimScript } from './scripts/index.js'

export const trimEveryMs = 5_000

/**
 * Removes what is older than the retention and handled by every group. A reader without a group, who asks on its own behalf, trims only
 * where no group is: otherwise that waits for the groups. Answers how many events the group has lost since its stream began.
 */
export async function trimHistory(context: BrokerContext, key: string, group: string | undefined): Promise<number> {
  const { maxEvents, maxAgeMs, partitions } = context.options
  const keep = maxEvents === undefined ? '' : String(Math.ceil(maxEvents / partitions))
  const values = [group ?? '', keep, maxAgeMs === undefined ? '' : String(maxAgeMs)]
  const answer = await context.control.at(key).run((client) => trimScript.run(client, [key], values))
  const [, lost] = answer as [number, number]
  return lost
}
