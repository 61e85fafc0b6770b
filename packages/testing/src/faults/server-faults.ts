import { pause } from '../waiting/wait-for.js'
import { type FaultCase, faults } from './fault-case.js'
import type { FaultRoom } from './fault-room.js'
import { strikeAndJudge } from './strike.js'

const kills = (room: FaultRoom): Promise<void> =>
  strikeAndJudge(room, 'F4', 3, async ({ buses, recovers }) => {
    await room.server.kill()
    await room.isDown(...buses)
    await room.server.start()
    await recovers()
  })

const freezes = (room: FaultRoom): Promise<void> =>
  strikeAndJudge(room, 'F5', 1, async ({ buses, recovers }, count) => {
    room.server.pause()
    await room.isDown(...buses)
    // longer than any lease: nobody can tell whose it was before the server went on
    await pause(count === 0 ? room.leaseMs : room.between(0, 2 * room.leaseMs))
    room.server.resume()
    await recovers()
  })

export const serverFaults: readonly FaultCase[] = faults(
  { id: 'F4', title: 'server killed: kill -9 three times under load', needs: ({ durable }) => durable, onlyFull: true, run: kills },
  { id: 'F5', title: 'server frozen: for longer than the lease, and nothing is handled by two', onlyFull: true, run: freezes },
)
