import { NatsBroker, type NatsOptions } from '@interline/nats'
import { findServer, type PrivateServer, type RawClient, type RawMessage, startNats } from '@interline/testing'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { connect, headers, type NatsConnection } from '@nats-io/transport-node'

/** The shared server of the tests. */
export const { url } = await findServer('nats')

/** A module for worker processes, which run the compiled package. */
export const processModule = new URL('./worker-broker.mjs', import.meta.url)

export const ackWaitMs = 2_000

export function brokerOf(namespace: string, options: NatsOptions = {}): NatsBroker {
  return new NatsBroker({ url, prefix: namespace, ackWaitMs, ...options })
}

/** Removes every stream of a namespace. */
export async function cleanUp(namespace: string): Promise<void> {
  await using client = await plainClient()
  const names: string[] = []
  for await (const name of client.jsm.streams.names()) if (name.startsWith(namespace)) names.push(name)
  for (const name of names) await client.jsm.streams.delete(name)
}

/** A client as anybody would write it, closed at the end of its scope. */
export async function plainClient(): Promise<AsyncDisposable & { readonly nc: NatsConnection; readonly jsm: JetStreamManager }> {
  const nc = await connect({ servers: new URL(url).host })
  return { nc, jsm: await jetstreamManager(nc), [Symbol.asyncDispose]: () => nc.close() }
}

/** How many messages a stream holds. */
export async function stored(stream: string): Promise<number> {
  await using client = await plainClient()
  return (await client.jsm.streams.info(stream)).state.messages
}

/** Messages as the plain driver writes and reads them, by the header names of CloudEvents' NATS binding. */
export const raw: RawClient = {
  async write(namespace, destination, { attributes, data }) {
    await using client = await plainClient()
    const structured = attributes.datacontenttype?.startsWith('application/cloudevents') === true
    const named = headers()
    for (const [name, value] of Object.entries(attributes)) named.set(structured ? 'Content-Type' : `ce-${name}`, encodeURI(value))
    await client.jsm.jetstream().publish(`${namespace}.${destination}.things.made`, data, { headers: named })
  },
  async read(namespace, destination) {
    await using client = await plainClient()
    const stream = `${namespace}_${destination}`
    const found: RawMessage[] = []
    const { state } = await client.jsm.streams.info(stream)
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const stored = await client.jsm.streams.getMessage(stream, { seq })
      const names = stored?.header.keys().filter((name) => name.startsWith('ce-')) ?? []
      const attributes = Object.fromEntries(names.map((name) => [name.slice(3), decodeURIComponent(stored?.header.get(name) ?? '')]))
      found.push({ attributes, data: stored?.data ?? '' })
    }
    return found
  },
}

/** A server of the test's own, which keeps what it acknowledged over a kill. */
export async function privateServer(): Promise<PrivateServer> {
  const password = 'correct-horse'
  const server = await startNats({ user: 'interline', password })
  const options = { user: 'interline', password, ackWaitMs }
  return {
    create: (namespace) => new NatsBroker({ ...options, url: server.url, prefix: namespace }),
    createWrong: (fault, namespace) => {
      const secret = `wrong-battery-${namespace}`
      const wrong = fault === 'password' ? { password: secret, url: `nats://127.0.0.1:${server.port}` } : { url: 'nats://127.0.0.1:1' }
      return { broker: new NatsBroker({ ...options, ...wrong, prefix: namespace }), secrets: [fault === 'password' ? secret : password] }
    },
    kill: () => server.kill(),
    start: () => server.start(),
    [Symbol.asyncDispose]: () => server.close(),
  }
}
