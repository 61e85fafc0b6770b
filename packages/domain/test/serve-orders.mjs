// A process that serves orders on Redis, from the compiled packages. Its parent kills it.

import { EventBus } from '@interline/core'
import { CommandBus } from '@interline/domain'
import { RedisBroker } from '@interline/redis'

const { port, prefix } = JSON.parse(process.argv[2])
const bus = new EventBus({ service: 'orders', broker: new RedisBroker({ port, prefix, partitions: 1, blockMs: 100, claimIdleMs: 500 }) })
const commands = new CommandBus({ bus, service: 'orders' })
await commands.register('Slow', async () => {
  process.send('began')
  await new Promise(() => undefined)
})
await bus.start()
process.send('ready')
