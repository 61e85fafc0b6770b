import { RedisBroker, type RedisOptions } from '@interline/redis'
import { FaultProxy, startRedis, type TestBrokerFaultsOptions } from '@interline/testing'
import { afterAll, describe, it } from 'vitest'
import { processModule } from './redis-server.js'

/** A server of the tests' own that keeps what it acknowledged, reached over a line that can be made to fail. */
export async function faultyRedis(more: RedisOptions = {}): Promise<TestBrokerFaultsOptions> {
  const server = await startRedis()
  const line = await FaultProxy.start({ port: server.port })
  afterAll(async () => {
    await line.close()
    await server.close()
  })
  const leaseMs = 1_500
  const publishTimeoutMs = 2_000
  const common = { port: line.port, partitions: 4, claimIdleMs: leaseMs, ...more }
  const impatient: RedisOptions = { ...common, connectTimeoutMs: 500, commandTimeoutMs: 500, blockMs: 500, publishTimeoutMs }
  return {
    create: (namespace) => new RedisBroker({ ...impatient, prefix: namespace }),
    // what fails there is not the line, and a process begins on a busy machine: its time-outs are those of everybody
    processes: { module: processModule, args: [JSON.stringify(common)] },
    server,
    line,
    leaseMs,
    publishTimeoutMs,
    runner: { describe, it },
  }
}
