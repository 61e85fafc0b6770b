import type { RabbitMqBroker, RabbitMqOptions } from '@interline/rabbitmq'
import { type PrivateServer, type RabbitMqCluster, startRabbitMqCluster } from '@interline/testing'
import { brokerOf } from './rabbitmq-server.js'

export const password = 'correct-horse'

/** Three nodes. */
export function startCluster(): Promise<RabbitMqCluster> {
  return startRabbitMqCluster({ password })
}

/** A broker that knows all nodes. */
export function brokerOfCluster({ urls }: RabbitMqCluster, namespace: string, options: RabbitMqOptions = {}): RabbitMqBroker {
  return brokerOf(namespace, { url: urls, ...options })
}

/** A cluster that several cases have one after the other; each may kill and start it as a whole. */
export function lent(cluster: RabbitMqCluster): PrivateServer {
  const options: RabbitMqOptions = { connectTimeoutMs: 1_000 }
  return {
    create: (namespace) => brokerOfCluster(cluster, namespace, options),
    createWrong: (fault, namespace) => {
      const secret = `wrong-battery-${namespace}`
      const wrong: RabbitMqOptions = fault === 'password' ? { password: secret } : { url: `amqp://guest:${password}@127.0.0.1:1` }
      return { broker: brokerOfCluster(cluster, namespace, { ...options, ...wrong }), secrets: [fault === 'password' ? secret : password] }
    },
    kill: () => cluster.kill(),
    start: () => cluster.start(),
    [Symbol.asyncDispose]: () => cluster.start(),
  }
}
