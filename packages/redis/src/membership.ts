import { SubscriptionError, toError } from '@interline/core'
import type { BrokerContext } from './context.js'
import type { Partition } from './partition.js'
import { giveBackScript, joinScript, leaveScript } from './scripts/index.js'
import { Repeat } from './waiting.js'

export interface Member {
  readonly group: string
  readonly consumer: string
  readonly destination: string
  readonly order: 'key' | 'none'
}

/** Enters the consumer among the living of its group, or keeps it there; answers how many there are. */
export async function join(context: BrokerContext, member: Member): Promise<number> {
  const key = context.keys.members(member.destination, member.group)
  const values = [member.order, member.consumer, String(context.options.claimIdleMs)]
  const members = Number(await context.control.at(key).run((client) => joinScript.run(client, [key], values)))
  if (members > 0) return members
  throw new SubscriptionError(
    `Group "${member.group}" is already consuming "${member.destination}" with another order than "${member.order}". ` +
      'All processes of a group must use the same "order"; stop the others first, or use another group.',
  )
}

export async function leave(context: BrokerContext, member: Member): Promise<void> {
  const key = context.keys.members(member.destination, member.group)
  await context.control.at(key).run((client) => leaveScript.run(client, [key], [member.order, member.consumer]))
}

/** Stays a member until it is stopped. */
export function keepJoined(context: BrokerContext, member: Member): Repeat {
  const everyMs = context.options.claimIdleMs / 4
  return new Repeat(
    async () => {
      await join(context, member)
      return everyMs
    },
    (error) => {
      context.report({ kind: 'warning', detail: `Group "${member.group}" could not be joined again.`, error: toError(error) })
      return everyMs
    },
  )
}

/**
 * Returns what is in hand of a partition, and its lease, so that the next owner may begin at once. What no handler has seen does not count
 * as delivered.
 */
export async function giveBack(context: BrokerContext, member: Member, partition: Partition): Promise<void> {
  const keys = [partition.events.key, partition.retries.key, partition.leaseKey]
  const values = [member.group, member.consumer, partition.fence]
  for (const stream of partition.streams) {
    const deliveries = [...stream.inHand.values()]
    const handed = deliveries.filter((delivery) => delivery.handed).map(({ id }) => id)
    const fresh = deliveries.filter((delivery) => !delivery.handed).map(({ id }) => id)
    values.push(String(handed.length), String(fresh.length), ...handed, ...fresh)
  }
  await context.control.at(partition.events.key).run((client) => giveBackScript.run(client, keys, values))
}
