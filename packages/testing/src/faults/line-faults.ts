import { pause } from '../waiting/wait-for.js'
import { type FaultCase, faults } from './fault-case.js'
import type { FaultRoom } from './fault-room.js'
import { strikeAndJudge } from './strike.js'

const directions = ['both', 'replies', 'requests'] as const

const answersAreLost = (room: FaultRoom): Promise<void> =>
  strikeAndJudge(room, 'F1', 3, async ({ recovers }) => {
    room.line.dropReplies()
    await pause(room.between(50, 250))
    room.line.heal()
    await recovers()
  })

const blackHole = (room: FaultRoom): Promise<void> =>
  strikeAndJudge(room, 'F2', 1, async ({ buses, recovers }, count) => {
    room.line.blackhole(directions[count % directions.length] ?? 'both')
    await room.isDown(...buses)
    room.line.heal()
    await recovers()
  })

const resets = (room: FaultRoom): Promise<void> =>
  strikeAndJudge(room, 'F3', 5, async () => {
    room.line.cut()
    await pause(room.between(200, 800))
  })

export const lineFaults: readonly FaultCase[] = faults(
  { id: 'F1', title: 'replies lost: what was carried out and not answered is neither lost nor out of order', run: answersAreLost },
  { id: 'F2', title: 'black hole: every publish has its answer in time, health says so, and all goes on afterwards', run: blackHole },
  { id: 'F3', title: 'resets: every connection is cut every 200 to 800 ms', run: resets },
)
