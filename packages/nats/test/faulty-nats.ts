import { MemoryDeadLetterStore } from '@interline/memory'
import { NatsBroker, type NatsOptions } from '@interline/nats'
import { FaultProxy, startNats, type TestBrokerFaultsOptions } from '@interline/testing'
import { afterAll, describe, it } from 'vitest'
import { processModule } from './nats-server.js'

/** A server of the tests' own, reached over a line that can be made to fail. */
export async function faultyNats(): Promise<TestBrokerFaultsOptions> {
  const server = await startNats()
  const line = await FaultProxy.start({ port: server.port })
  afterAll(async () => {
    await line.close()
    await server.close()
  })
  const leaseMs = 1_500
  const publishTimeoutMs = 2_000
  const common: NatsOptions = { url: `nats://127.0.0.1:${line.port}`, ackWaitMs: leaseMs }
  const impatient: NatsOptions = { ...common, requestTimeoutMs: 400, publishTimeoutMs }
  return {
    create: (namespace) => new NatsBroker({ ...impatient, prefix: namespace }),
    // what fails there is not the line, and a process begins on a busy machine: its time-outs are those of everybody
    processes: { module: processModule, args: [JSON.stringify(common)] },
    deadLetterStore: () => new MemoryDeadLetterStore(),
    server,
    line,
    leaseMs,
    publishTimeoutMs,
    runner: { describe, it },
  }
}
