import { KafkaBroker, type KafkaOptions } from '@interline/kafka'
import { FaultProxy, freePort, startKafka, type TestBrokerFaultsOptions } from '@interline/testing'
import { afterAll, describe, it } from 'vitest'
import { processModule } from './kafka-server.js'

/** A server of the tests' own, which tells its clients the address of a line that can be made to fail. */
export async function faultyKafka(more: KafkaOptions = {}): Promise<TestBrokerFaultsOptions> {
  const port = await freePort()
  const line = await FaultProxy.start({ port })
  const server = await startKafka({ port, advertisedPort: line.port })
  afterAll(async () => {
    await line.close()
    await server.close()
  })
  const leaseMs = 2_000
  const publishTimeoutMs = 2_000
  const session = { sessionTimeoutMs: leaseMs, heartbeatIntervalMs: 200, maxWaitTimeInMs: 100 }
  const common: KafkaOptions = { brokers: server.brokers, partitions: 4, ...session, ...more }
  const impatient: KafkaOptions = { ...common, connectTimeoutMs: 400, requestTimeoutMs: 400, publishTimeoutMs }
  return {
    create: (namespace) => new KafkaBroker({ ...impatient, prefix: `${namespace}.` }),
    // what fails there is not the line, and a process begins on a busy machine: its time-outs are those of everybody
    processes: { module: processModule, args: [JSON.stringify(common)] },
    server,
    line,
    leaseMs,
    publishTimeoutMs,
    runner: { describe, it },
  }
}
