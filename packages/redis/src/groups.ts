import type { GroupDescription, StartPosition } from '@interline/core'
import type { Redis } from 'ioredis'
import type { BrokerContext } from './context.js'
import type { Partition } from './partition.js'
import { cleanUpScript, createGroupScript, statisticsScript } from './scripts/index.js'

/** Creates the group in every partition where it is new; answers in how many it was. */
export async function createGroup(context: BrokerContext, destination: string, group: string, start: string): Promise<number> {
  const partitions = Array.from({ length: context.options.partitions }, (_, index) => [
    context.keys.partition(destination, index).events,
    context.keys.group(destination, index, group).retry,
  ])
  const created = await onEachSlot(context, partitions, (client, keys) => createGroupScript.run(client, keys, [group, start]))
  return created.reduce((sum: number, count) => sum + Number(count), 0)
}

/** Calls `work` with the keys of each slot; the lists in `keyed` stay whole. */
async function onEachSlot<T>(
  { control }: BrokerContext,
  keyed: readonly (readonly string[])[],
  work: (client: Redis, keys: readonly string[]) => Promise<T>,
): Promise<readonly T[]> {
  const first = (keys: readonly string[] | undefined): string => keys?.[0] ?? ''
  return Promise.all(control.split(keyed, first).map((part) => control.at(first(part[0])).run((client) => work(client, part.flat()))))
}

/** Removes consumers of a group; the values are those of the script. */
export async function removeConsumers(context: BrokerContext, partitions: readonly Partition[], values: readonly string[]): Promise<void> {
  const streams = partitions.map((partition) => partition.streams.map(({ key }) => key))
  await onEachSlot(context, streams, (client, keys) => cleanUpScript.run(client, keys, values))
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
  const keyed = Array.from({ length: partitions }, (_, index) => {
    const { events, scheduled } = context.keys.partition(destination, index)
    const { retry, delayed } = context.keys.group(destination, index, group)
    return [events, scheduled, retry, delayed]
  })
  const answers = await onEachSlot(context, keyed, (client, keys) => statisticsScript.run(client, keys, [group]))
  const sum = (index: number): number => answers.reduce<number>((total, answer) => total + Number((answer as number[])[index]), 0)
  const [waiting, pending, delayed, found] = [sum(0), sum(1), sum(2), sum(3)]
  return { lag: waiting + pending + delayed, unsettled: pending, delayed, found: found > 0 }
}

export async function listGroups(context: BrokerContext): Promise<GroupDescription[]> {
  const descriptions: GroupDescription[] = []
  for (const destination of await context.destinations.list()) {
    for (const group of await groupsOf(context, destination)) {
      const { lag, unsettled, delayed } = await groupStatistics(context, destination, group)
      const key = context.keys.members(destination, group)
      const consumers = await context.control.at(key).run(async (client) => {
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
  for (let index = 0; index < partitions; index++) {
    const { events } = context.keys.partition(destination, index)
    const own = context.keys.group(destination, index, group)
    await context.control.at(events).run(async (client) => {
      if ((await client.exists(events)) === 1) await client.xgroup('DESTROY', events, group)
      await client.del(own.retry, own.delayed, own.notes, own.lease, own.token)
    })
  }
  const members = context.keys.members(destination, group)
  await context.control.at(members).run((client) => client.del(members))
  const { deadLetters, deadLetterIndex } = context.keys.parked(destination, group)
  await context.control.at(deadLetters).run((client) => client.del(deadLetters, deadLetterIndex))
}

async function groupsOf(context: BrokerContext, destination: string): Promise<string[]> {
  const { events } = context.keys.partition(destination, 0)
  return context.control.at(events).run(async (client) => {
    if ((await client.exists(events)) === 0) return []
    const groups = (await client.xinfo('GROUPS', events)) as (string | number)[][]
    return groups.map((fields) => String(fields[fields.indexOf('name') + 1])).sort()
  })
}
