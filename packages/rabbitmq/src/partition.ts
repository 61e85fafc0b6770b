import { toError } from '@interline/core'
import type { ConsumeMessage } from 'amqplib'
import type { BrokerContext, GroupName } from './context.js'
import type { Epoch } from './epoch.js'
import type { HandOut } from './hand-out.js'
import { Hops } from './hops.js'
import { Notes } from './notes.js'
import { farewell } from './patience.js'
import { QueueReader } from './queue-reader.js'
import { type DeliveryOwner, RabbitMqDelivery } from './rabbitmq-delivery.js'
import { decodeMessage } from './rabbitmq-message.js'

export interface PartitionSettings {
  readonly group: GroupName
  readonly queue: string
  /** Which of the partitions it is, of a group that keeps order. */
  readonly index?: number | undefined
  /** One consumer at a time, in order. */
  readonly single: boolean
  /** Everything in it was in the hands of a process that died. */
  readonly suspects: boolean
  readonly prefetch: number
  readonly handOut: HandOut
  /** Sees to it that everything the group needs is on the server. */
  readonly declare: () => Promise<void>
}

/** A hand-over that takes longer is given up: the other keys of the partition wait for it. */
const handOverLimitMs = 1_000

/** One queue of a group, as one consumer has it. */
export class Partition implements DeliveryOwner {
  readonly hops: Hops
  readonly #context: BrokerContext
  readonly #settings: PartitionSettings
  readonly #reader: QueueReader
  /** Messages on their way to another place. */
  readonly #moving = new Set<Promise<void>>()
  /** What arrives while the notes of the last owner are read. */
  #loading: ConsumeMessage[] | undefined
  #leaving: NodeJS.Timeout | undefined

  constructor(context: BrokerContext, settings: PartitionSettings) {
    this.#context = context
    this.#settings = settings
    this.hops = new Hops(context, settings.group, settings.index)
    const { queue, single, prefetch, declare } = settings
    this.#reader = new QueueReader(context, {
      prefetch,
      prepare: () => declare().then(() => queue),
      makeNotes: single ? (lost) => new Notes(context, queue, lost) : undefined,
      arrived: (epoch, message) => this.#arrived(epoch, message),
      lost: (epoch, cancelled) => this.#lost(epoch, cancelled),
    })
  }

  /** Something came by it: of an ordered queue this consumer is the owner. */
  get active(): boolean {
    return this.#reader.epoch?.active === true
  }

  get leaving(): boolean {
    return this.#leaving !== undefined
  }

  /** Messages that are here and not settled, handed out or not. */
  get inHand(): number {
    return this.#reader.epoch?.inHand.size ?? 0
  }

  start(): Promise<void> {
    return this.#reader.start()
  }

  /** Takes no more. Of an ordered queue nothing is cancelled: the next consumer must not begin before what runs here has ended. */
  async stop(): Promise<void> {
    clearTimeout(this.#leaving)
    if (!this.#settings.single) await this.#reader.cancel()
  }

  /** Gives back what is in hand, in order and not as suspects. */
  async close(): Promise<void> {
    const epoch = this.#reader.epoch
    if (epoch !== undefined) {
      if (this.#settings.single) await farewell(this.#handOver(epoch))
      else for (const delivery of epoch.untouched()) this.#move(delivery, () => this.hops.later(delivery, 0, delivery.progress))
    }
    await farewell(Promise.all(this.#moving))
    if (epoch !== undefined) await farewell(epoch.acknowledger.settled())
    await this.#reader.close()
  }

  /** Lets another consumer have the queue, once what runs has ended. */
  leave(): void {
    const { epoch } = this.#reader
    if (epoch === undefined || this.#leaving !== undefined) return
    this.#settings.handOut.drop((delivery) => delivery.epoch === epoch)
    this.#leaving = setTimeout(() => this.#stay(epoch), handOverLimitMs)
    epoch.leave()
    this.#leftIfQuiet(epoch)
  }

  ended(delivery: RabbitMqDelivery, how: 'acked' | 'retried' | 'dead'): void {
    const { counts } = this.#context
    if (how === 'acked') counts.acked++
    else if (how === 'retried') counts.retried++
    else counts.deadLettered++
    this.#settings.handOut.ended()
    this.#afterwards(delivery)
  }

  released(delivery: RabbitMqDelivery): void {
    this.#settings.handOut.ended()
    if (!this.#settings.single) this.#move(delivery, () => this.hops.later(delivery, 0, delivery.progress))
    this.#afterwards(delivery)
  }

  #afterwards({ epoch, leaving }: RabbitMqDelivery): void {
    if (this.#leaving !== undefined) this.#leftIfQuiet(epoch)
    else if (leaving.aborted && !epoch.leaving.aborted && !epoch.gone) this.#offerAgain(epoch)
  }

  #arrived(epoch: Epoch, message: ConsumeMessage): void {
    const first = !epoch.active
    epoch.active = true
    if (!message.fields.redelivered) epoch.hasNew = true
    if (this.#loading !== undefined) return void this.#loading.push(message)
    // what came back from another owner comes before anything new
    if (first && message.fields.redelivered && epoch.notes !== undefined) return void this.#load(epoch, message)
    this.#take(epoch, message)
  }

  async #load(epoch: Epoch, message: ConsumeMessage): Promise<void> {
    const loading = [message]
    this.#loading = loading
    while (!epoch.gone) {
      try {
        await epoch.notes?.load()
        break
      } catch (thrown) {
        if (epoch.gone) break
        this.#warn('What the last owner of a queue noted can not be read; it is tried again.', thrown)
        await new Promise((resolve) => setTimeout(resolve, 250))
      }
    }
    if (this.#loading !== loading) return
    this.#loading = undefined
    if (!epoch.gone) for (const each of loading) this.#take(epoch, each)
  }

  #take(epoch: Epoch, message: ConsumeMessage): void {
    const { group, queue, single, suspects } = this.#settings
    const decoded = decodeMessage(group.destination, message)
    const ref =
      decoded.ref ?? `${queue}:${decoded.message.attributes.source}:${decoded.message.attributes.id ?? message.fields.deliveryTag}`
    const redelivered = suspects || (message.fields.redelivered && epoch.notes?.wasReleased(ref) !== true)
    const delivery = new RabbitMqDelivery(this, epoch, message, decoded, ref, redelivered)
    epoch.inHand.set(delivery.tag, delivery)
    if (redelivered && !single) this.#move(delivery, () => this.hops.suspect(delivery))
    else if (!epoch.leaving.aborted && !epoch.holdsBack(delivery)) this.#offer(delivery)
  }

  #lost(epoch: Epoch, cancelled: boolean): void {
    const { handOut, group, queue } = this.#settings
    this.#loading = undefined
    clearTimeout(this.#leaving)
    this.#leaving = undefined
    handOut.drop((delivery) => delivery.epoch === epoch)
    handOut.lost(epoch)
    if (!cancelled) return
    this.#context.topology.forget()
    const detail = `The queue "${queue}" was removed on the server, with what was in it. It is made again.`
    this.#context.report({ kind: 'loss', detail, ...group })
  }

  #leftIfQuiet(epoch: Epoch): void {
    if (this.#leaving === undefined || epoch !== this.#reader.epoch || epoch.busy) return
    clearTimeout(this.#leaving)
    void this.#handOver(epoch).then(() => {
      // its channel was lost meanwhile, which says it all: what has begun since goes on
      if (epoch !== this.#reader.epoch) return
      this.#leaving = undefined
      return this.#reader.turn()
    })
  }

  /** Somebody takes too long: everything goes on here as if nobody had asked. */
  #stay(epoch: Epoch): void {
    this.#leaving = undefined
    epoch.stay()
    this.#offerAgain(epoch)
  }

  /** What core let go of for a hand-over that did not come about; behind one of its key that still runs it waits for the end of that. */
  #offerAgain(epoch: Epoch): void {
    for (const old of [...epoch.inHand.values()]) {
      const { raw, ref, redelivered, message, progress, undecodable } = old
      const isWithCore = old.offered && (!old.leaving.aborted || (old.handed && !old.isReleased))
      if (isWithCore || epoch.holdsBack(old)) continue
      const delivery = new RabbitMqDelivery(this, epoch, raw, { message, ref, progress, undecodable }, ref, redelivered)
      epoch.inHand.set(delivery.tag, delivery)
      this.#offer(delivery)
    }
  }

  #offer(delivery: RabbitMqDelivery): void {
    delivery.offered = true
    this.#settings.handOut.push(delivery)
  }

  async #handOver(epoch: Epoch): Promise<void> {
    const untouched = epoch.untouched()
    if (epoch.notes === undefined || untouched.length === 0 || epoch.gone) return
    try {
      const interrupted = epoch.hasNew ? epoch.running().map(({ ref }) => ref) : undefined
      await epoch.notes.handOver(
        untouched.map(({ ref }) => ref),
        interrupted,
      )
    } catch (thrown) {
      this.#warn('A consumer could not say in order what it gives back; the next one takes it for interrupted.', thrown)
    }
  }

  /** Out of this queue once it is stored elsewhere. Where that fails it stays, and the next owner of the channel's messages gets it. */
  #move(delivery: RabbitMqDelivery, store: () => Promise<void>): void {
    const { epoch, tag } = delivery
    const moving = (async () => {
      while (!epoch.gone) {
        try {
          await store()
          if (epoch.inHand.delete(tag)) epoch.acknowledger.settle(tag)
          return
        } catch (thrown) {
          this.#warn('A message could not be moved; it stays where it is for now.', thrown)
          await new Promise((resolve) => setTimeout(resolve, 250))
          if (this.#reader.ended) return
        }
      }
    })()
    this.#moving.add(moving)
    void moving.finally(() => this.#moving.delete(moving))
  }

  #warn(detail: string, thrown: unknown): void {
    this.#context.report({ kind: 'warning', detail, error: toError(thrown) })
  }
}
