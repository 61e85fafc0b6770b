import { createServer } from 'node:net'
import { freePort } from '@interline/testing'
import { expect, it } from 'vitest'
import { BrokerRoom } from './broker-room.js'

it('names the time limit of a connection where that was used up, and not where the server was never reached', async () => {
  await using room = new BrokerRoom()
  const refused = room.broker({ port: await freePort(), connectTimeoutMs: 1_500 })
  await expect(refused).rejects.toThrow(/^Cannot connect to Redis at 127\.0\.0\.1:\d+ \(.*ECONNREFUSED/)
  const silent = createServer((socket) => socket.resume())
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = silent.address() as { port: number }
    await expect(room.broker({ port, connectTimeoutMs: 300 })).rejects.toThrow(/within 300 ms/)
  } finally {
    silent.close()
  }
})
