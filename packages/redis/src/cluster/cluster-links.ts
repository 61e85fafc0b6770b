import { ClosedError, ConnectionError, pause } from '@interline/core'
import type { Redis } from 'ioredis'
import { isReply, isTemporary, Link, type LinkPurpose, type Report } from '../connections.js'
import type { Links, Route } from '../links.js'
import type { NodeAddress, ResolvedConnection } from '../redis-options.js'
import { CallDeadline } from '../waiting.js'
import { slotOf } from './slot.js'

type SlotsReply = readonly [from: number, to: number, master: readonly [host: string | null, port: number], ...rest: unknown[]][]

/** One connection to each master of a cluster, and the knowledge which of them has which slot: asked for again where it proves wrong. */
export class ClusterLinks implements Links {
  readonly sharded = true
  readonly options: ResolvedConnection
  readonly #purpose: LinkPurpose
  readonly #report: Report | undefined
  /** To any node, for what all of them know. */
  readonly #guide: Link
  readonly #links = new Map<string, Link>()
  /** Addresses by slot. */
  #slots: readonly (string | undefined)[] | undefined
  #reading: Promise<void> | undefined
  closed = false

  constructor(options: ResolvedConnection, purpose: LinkPurpose, report?: Report) {
    this.options = options
    this.#purpose = purpose
    this.#report = report
    this.#guide = new Link(options, 'control')
  }

  get ready(): boolean {
    return [...this.#links.values()].some(({ ready }) => ready)
  }

  at(key: string): Route {
    return new SlotRoute(this, slotOf(key))
  }

  split<T>(items: readonly T[], keyOf: (item: T) => string): readonly (readonly T[])[] {
    const parts = new Map<number, T[]>()
    for (const item of items) {
      const slot = slotOf(keyOf(item))
      const part = parts.get(slot)
      if (part === undefined) parts.set(slot, [item])
      else part.push(item)
    }
    return [...parts.values()]
  }

  async masters(): Promise<readonly Route[]> {
    this.doubt()
    const slots = await this.#map()
    return [...new Set(slots)].filter((address) => address !== undefined).map((address) => this.linkTo(address))
  }

  close(): void {
    this.closed = true
    this.#guide.close()
    for (const link of this.#links.values()) link.close()
  }

  async linkOf(slot: number): Promise<Link> {
    if (this.closed) throw new ClosedError('The connections to the Redis cluster were closed.')
    const address = (await this.#map())[slot]
    if (address !== undefined) return this.linkTo(address)
    this.doubt()
    throw new ConnectionError(`No node of the Redis cluster has slot ${slot}. Check CLUSTER INFO: a master without a replica may be down.`)
  }

  linkTo(address: string): Link {
    let link = this.#links.get(address)
    if (link === undefined) {
      link = new Link(this.options, this.#purpose, this.#report, addressFrom(address))
      this.#links.set(address, link)
    }
    return link
  }

  /** The cluster may look different by now. */
  doubt(): void {
    this.#slots = undefined
  }

  async #map(): Promise<readonly (string | undefined)[]> {
    while (this.#slots === undefined) {
      this.#reading ??= this.#read().finally(() => {
        this.#reading = undefined
      })
      await this.#reading
    }
    return this.#slots
  }

  async #read(): Promise<void> {
    let guide = ''
    const reply = await this.#guide.run((client) => {
      guide = client.options.host ?? ''
      return client.cluster('SLOTS') as Promise<unknown> as Promise<SlotsReply>
    })
    const slots: (string | undefined)[] = []
    for (const [from, to, [host, port]] of reply) {
      // a node that does not know its own name is the one that was asked
      const address = this.outside(`${host === null || host === '' ? guide : host}:${port}`)
      for (let slot = from; slot <= to; slot++) slots[slot] = address
    }
    this.#slots = slots
  }

  /** What an address of the cluster's own is from here. */
  outside(address: string): string {
    const mapped = this.options.natMap?.[address]
    return mapped === undefined ? address : `${mapped.host}:${mapped.port}`
  }
}

/** The way to one slot, wherever it is at the moment. */
class SlotRoute implements Route {
  readonly #cluster: ClusterLinks
  readonly #slot: number

  constructor(cluster: ClusterLinks, slot: number) {
    this.#cluster = cluster
    this.#slot = slot
  }

  async open(): Promise<Redis> {
    try {
      return await (await this.#cluster.linkOf(this.#slot)).open()
    } catch (error) {
      this.#cluster.doubt()
      throw error
    }
  }

  async once<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    const client = await this.open()
    try {
      return await work(client)
    } catch (error) {
      const [, kind, address] = (isReply(error) && /^(MOVED|ASK) \d+ (\S+)/.exec((error as Error).message)) || []
      if (kind === 'ASK' && address !== undefined) return this.#ask(address, work)
      if (kind === 'MOVED' || !isReply(error)) this.#cluster.doubt()
      if (!isReply(error)) this.discard(client)
      throw error
    }
  }

  async run<T>(
    work: (client: Redis, again: boolean) => Promise<T>,
    timeoutMs: number = this.#cluster.options.commandTimeoutMs,
  ): Promise<T> {
    const deadline = new CallDeadline(timeoutMs)
    let begun = false
    for (let failures = 0; ; failures++) {
      const again = begun
      try {
        return await this.once((client) => {
          begun = true
          return work(client, again)
        })
      } catch (error) {
        if (!this.mayPass(error) || this.#cluster.closed || deadline.passed) throw error
        await pause(Math.min(50 * 2 ** failures, 1_000))
      }
    }
  }

  mayPass(error: unknown): boolean {
    return isTemporary(error) || (isReply(error) && /^(MOVED|ASK) /.test((error as Error).message))
  }

  discard(client: Redis): void {
    this.#cluster.linkTo(`${client.options.host}:${client.options.port}`).discard(client)
  }

  /** The slot is on its way to another node, and these keys are there already. */
  async #ask<T>(address: string, work: (client: Redis) => Promise<T>): Promise<T> {
    return this.#cluster.linkTo(this.#cluster.outside(address)).once((client) => {
      // it holds for the next command only; should that fail, its own error tells
      void client.call('ASKING').catch(() => undefined)
      return work(client)
    })
  }
}

function addressFrom(address: string): NodeAddress {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
}
