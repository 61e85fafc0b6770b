import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { FaultyLink } from './faulty-link.js'

export type Direction = 'requests' | 'replies' | 'both'

/** What the proxy does to bytes at present. `heal` sets all of it back. */
export interface Faults {
  /** Bytes are held back, as on a network that lost its route; they arrive after `heal`. */
  readonly blackhole: Direction | undefined
  /** Requests arrive and are carried out, but their answers are lost. */
  readonly dropReplies: boolean
  /** Bytes go on in pieces of this size. */
  readonly sliceBytes: number | undefined
  readonly latencyMs: number
  /** New connections are reset. */
  readonly refuse: boolean
}

export const healthy: Faults = { blackhole: undefined, dropReplies: false, sliceBytes: undefined, latencyMs: 0, refuse: false }

/** A TCP proxy on loopback that a test can make fail. */
export class FaultProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #target: { readonly host: string; readonly port: number }
  readonly #links = new Set<FaultyLink>()
  #faults = healthy
  #connections = 0

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target
    this.#server = createServer({ allowHalfOpen: false }, (client) => this.#accept(client))
  }

  static async start(target: { readonly host?: string | undefined; readonly port: number }): Promise<FaultProxy> {
    const proxy = new FaultProxy({ host: target.host ?? '127.0.0.1', port: target.port })
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject)
      proxy.#server.listen(0, '127.0.0.1', resolve)
    })
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#links.size
  }

  /** Open connections that lost bytes for good, and are reset by `heal`. */
  get lossy(): number {
    return [...this.#links].filter(({ lostBytes }) => lostBytes).length
  }

  /** Connections since the start. */
  get connections(): number {
    return this.#connections
  }

  blackhole(direction: Direction = 'both'): void {
    this.#set({ blackhole: direction })
  }

  dropReplies(): void {
    this.#set({ dropReplies: true })
  }

  slice(sliceBytes: number): void {
    this.#set({ sliceBytes })
  }

  latency(latencyMs: number): void {
    this.#set({ latencyMs })
  }

  /** Resets new connections, as a server that is down does; with `cut`, the open ones too. */
  refuse(): void {
    this.#set({ refuse: true })
  }

  /** Resets every open connection (RST). New ones are accepted. */
  cut(): void {
    for (const link of this.#links) link.reset()
  }

  /** Ends every fault. What a black hole held goes on; a connection that lost bytes for good is reset. */
  heal(): void {
    this.#set(healthy)
    for (const link of this.#links) link.heal()
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #set(faults: Partial<Faults>): void {
    this.#faults = { ...this.#faults, ...faults }
  }

  #accept(client: Socket): void {
    this.#connections += 1
    if (this.#faults.refuse) {
      client.on('error', () => undefined)
      client.resetAndDestroy()
      return
    }
    const link = new FaultyLink(client, connect(this.#target.port, this.#target.host), () => this.#faults)
    this.#links.add(link)
    link.onClosed(() => this.#links.delete(link))
  }
}
