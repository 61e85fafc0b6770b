import type { IEventBus } from '@interline/core'
import { range } from '../contract/events.js'
import { pause } from '../waiting/wait-for.js'
import type { FaultRoom } from './fault-room.js'

/** What two consumers with 8 handlers each have in hand or have just let go when something strikes. */
const inHand = 2 * 2 * 8

interface Scene {
  /** The publisher's and those of the consumers that stay. */
  readonly buses: readonly IEventBus[]
  /** The fault has ended: all is as it should be, soon. */
  recovers(): Promise<void>
}

/**
 * Two consumers, in a full run another one that comes and goes, and a load that is being handled. It is struck again and again, and then
 * nothing is missing.
 */
export async function strikeAndJudge(
  room: FaultRoom,
  id: string,
  short: number,
  strike: (scene: Scene, count: number) => Promise<void>,
): Promise<void> {
  const consumers = await Promise.all(range(room.members(2)).map(() => room.consumer()))
  const publisher = await room.publisher()
  const buses = [publisher, ...consumers]
  const load = room.load(publisher)
  await room.waitFor(() => room.queue.keysBeyond(0) === load.keys, { what: 'events of every key' })
  const settle = room.scale === 'full' && room.hasGroups ? comeAndGo(room) : async () => undefined
  // what is sent again for want of an answer is known to be the same only to those who remember together
  let repeats = 0
  const recovers = (): Promise<void> => {
    repeats += load.open
    return room.recovers(load, ...buses)
  }
  for (const count of room.strikes(short)) {
    repeats += inHand + load.open
    await strike({ buses, recovers }, count)
  }
  await settle()
  await recovers()
  await room.finishes(load, ...consumers)
  room.judge(id, load, repeats + room.queue.losses)
}

function comeAndGo(room: FaultRoom): () => Promise<void> {
  let goes = true
  const done = (async () => {
    while (goes) {
      // the server may be away
      const bus = await room.consumer().catch(() => undefined)
      await pause(room.between(500, 2_500))
      await bus?.close()
    }
  })()
  return async () => {
    goes = false
    await done
  }
}
