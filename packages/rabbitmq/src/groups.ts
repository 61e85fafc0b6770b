import type { GroupDescription } from '@interline/core'
import type { BrokerContext, GroupName } from './context.js'
import type { KnownGroup } from './registry.js'
import type { Counted } from './topology.js'

/** What waits in the queues of a group. The server tells what is ready only; what consumers have in hand, each knows of itself. */
export async function countGroup(context: BrokerContext, { destination, group, order }: KnownGroup): Promise<Counted> {
  const { names, options } = context
  const queues =
    order === 'key'
      ? Array.from({ length: options.partitions }, (_, index) => names.queue(destination, group, index))
      : [names.queue(destination, group), names.suspects(destination, group)]
  const counted = await Promise.all(queues.map((queue) => countQueue(context, queue)))
  return {
    ready: counted.reduce((sum, { ready }) => sum + ready, 0),
    consumers: Math.max(0, ...counted.map(({ consumers }) => consumers)),
  }
}

export async function listGroups(context: BrokerContext): Promise<readonly GroupDescription[]> {
  const groups = await context.registry.groups()
  const delayed = await context.delays.count()
  return Promise.all(
    groups.map(async (known) => {
      const { ready, consumers } = await countGroup(context, known)
      const { destination, group } = known
      return { destination, group, lag: ready, unsettled: 0, delayed: groups.length === 1 ? delayed : 0, consumers }
    }),
  )
}

/** Its queues and exchanges; its dead letters stay, as nobody has judged them yet. */
export async function removeGroup(context: BrokerContext, name: GroupName): Promise<void> {
  const { names, options, topology, registry } = context
  const { destination, group } = name
  const queues = [
    ...Array.from({ length: options.partitions }, (_, index) => names.queue(destination, group, index)),
    names.queue(destination, group),
    names.suspects(destination, group),
  ]
  await topology.use(`group "${group}" of "${destination}"`, async (channel) => {
    // what is not there is deleted: the server agrees
    await channel.deleteExchange(names.group(destination, group))
    for (const queue of queues.flatMap((each) => [each, names.notes(each)])) await channel.deleteQueue(queue)
    await channel.deleteQueue(names.members(destination, group))
  })
  topology.forget()
  await registry.write({ kind: 'removed', destination, group })
}

async function countQueue({ topology }: BrokerContext, queue: string): Promise<Counted> {
  return (await topology.count(queue)) ?? { ready: 0, consumers: 0 }
}
