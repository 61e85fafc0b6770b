import { MemoryDeadLetterStore } from '@interline/memory'
import { RabbitMqBroker, type RabbitMqOptions } from '@interline/rabbitmq'
import { FaultProxy, startRabbitMq, type TestBrokerFaultsOptions } from '@interline/testing'
import { afterAll, describe, it } from 'vitest'
import { processModule } from './rabbitmq-server.js'

/** A server of the tests' own, reached over a line that can be made to fail. */
export async function faultyRabbitMq(more: RabbitMqOptions = {}): Promise<TestBrokerFaultsOptions> {
  const server = await startRabbitMq()
  const line = await FaultProxy.start({ port: server.port })
  afterAll(async () => {
    await line.close()
    await server.close()
  })
  const publishTimeoutMs = 2_000
  const common: RabbitMqOptions = { port: line.port, partitions: 4, heartbeatSeconds: 1, ...more }
  const impatient: RabbitMqOptions = { ...common, connectTimeoutMs: 1_000, confirmTimeoutMs: publishTimeoutMs }
  return {
    create: (namespace) => new RabbitMqBroker({ ...impatient, prefix: namespace }),
    // what fails there is not the line, and a process begins on a busy machine: its time-outs are those of everybody
    processes: { module: processModule, args: [JSON.stringify(common)] },
    deadLetterStore: () => new MemoryDeadLetterStore(),
    server,
    line,
    // the server closes a connection that missed two heartbeats, and looks once in each
    leaseMs: 3_000,
    publishTimeoutMs,
    runner: { describe, it },
  }
}
