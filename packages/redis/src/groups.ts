import type { GroupDescription, StartPosition } from '@interline/core'
import type { BrokerContext } from './context.js'
import { createGroupScript, statisticsScript } from './scripts/index.js'

/** Creates the group in every partition where it is new; answers in how many it was. */
export async function createGroup(context: BrokerContext, destination: string, group: string, start: string): Promise<number> {
  const keys: string[] = []
  for (let index = 0; index < context.options.partitions; index++) {
    keys.push(context.keys.partition(destination, index).events, context.keys.group(destination, index, group).retry)
  }
  return Number(await context.control.run((client) => createGroupScript.run(client, keys, [group, start])))
}

/** The entry id after which a new group begins. */
export function startId(from: StartPosition): string {
  if (from === 'now') return '$'
  if (from === 'beginning') return '0'
  return from.getTime() <= 0 ? '0' : `${from.getTime() - 1}-18446744073709551615`
}

export interface GroupStatistics {
  readonly lag: number
  readonly unsettled: number
  readonly delayed: number
  /** Whether the group exists in any partition. */
  readonly found: boolean
}

export async function groupStatistics(context: BrokerContext, destination: string, group: string): Promise<GroupStatistics> {
  const partitions = await context.destinations.partitionsOf(destination)
  const keys: string[] = []
  for (let index = 0; index < partitions; index++) {
    const { events, scheduled } = context.keys.partition(destination, index)
    const { retry, delayed } = context.keys.group(destination, index, group)
    keys.push(events, scheduled, retry, delayed)
  }
  const answer = await context.control.run((client) => statisticsScript.run(client, keys, [group]))
  const [waiting, pending, delayed, found] = answer as [number, number, number, number]
  return { lag: waiting + pending + delayed, unsettled: pending, delayed, found: found > 0 }
}

export async function listGroups(context: BrokerContext): Promise<GroupDescription[]> {
  const descriptions: GroupDescription[] = []
  for (const destination of await context.destinations.list()) {
    for (const group of await groupsOf(context, destination)) {
      const { lag, unsettled, delayed } = await groupStatistics(context, destination, group)
      const key = context.keys.members(destination, group)
      const consumers = await context.control.run(async (client) => {
        const [seconds, microseconds] = await client.time()
        return client.zcount(key, `(${Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000)}`, '+inf')
      })
      descriptions.push({ group, destination, lag, unsettled, delayed, consumers })
    }
  }
  return descriptions
}

/** Ends a group for good, with its retries, and with its hold on trimming. */
export async function removeGroup(context: BrokerContext, group: string, destination: string): Promise<void> {
  const partitions = await context.destinations.partitionsOf(destination)
  await context.control.run(async (client) => {
    for (let index = 0; index < partitions; index++) {
      const { events } = context.keys.partition(destination, index)
      const own = context.keys.group(destination, index, group)
      if ((await client.exists(events)) === 1) await client.xgroup('DESTROY', events, group)
      await client.del(own.retry, own.delayed, own.notes, own.lease, own.token)
    }
    await client.del(context.keys.members(destination, group))
  })
}

async function groupsOf(context: BrokerContext, destination: string): Promise<string[]> {
  const { events } = context.keys.partition(destination, 0)
  return context.control.run(async (client) => {
    if ((await client.exists(events)) === 0) return []
    const groups = (await client.xinfo('GROUPS', events)) as (string | number)[][]
    return groups.map((fields) => String(fields[fields.indexOf('name') + 1])).sort()
  })
}
