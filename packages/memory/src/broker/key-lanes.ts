import { DeliveryList } from './delivery-list.js'
import type { MemoryConsumer } from './memory-consumer.js'
import type { MemoryDelivery } from './memory-delivery.js'

/** What a group has under way for one key. It exists only while there is something. */
export class Lane {
  readonly key: string
  /** The consumer that has deliveries of the key in hand; nobody else gets any meanwhile. */
  holder: MemoryConsumer | undefined = undefined
  /** The holder's, from the first delivery that it has in hand to the last: the next holder is another owner. */
  ownership: AbortSignal | undefined = undefined
  inHand = 0
  /** Deliveries that wait for their time; what came after them waits with them. */
  delayed = 0
  /** Taken from the log before they could be handed out. Made when first needed: most lanes never are in anybody's way. */
  waiting: DeliveryList | undefined = undefined
  /** The set that it is in while it has something to hand out. */
  listed: Set<Lane> | undefined = undefined

  constructor(key: string) {
    this.key = key
  }

  get open(): boolean {
    return this.delayed === 0 && this.waiting !== undefined && this.waiting.size > 0
  }

  get idle(): boolean {
    return this.inHand === 0 && this.delayed === 0 && !this.open
  }
}

/** Order by key within a group: one holder for each key at a time, and nothing overtakes what is waiting. */
export class KeyLanes {
  readonly #lanes = new Map<string, Lane>()
  /** Lanes with something to hand out that nobody holds; held ones are in their holder's `openLanes`. */
  readonly #free = new Set<Lane>()
  #open = 0

  /** Whether some consumer could be given something. */
  get open(): boolean {
    return this.#open > 0
  }

  /** Whether nothing is under way that anybody has to respect. */
  get empty(): boolean {
    return this.#lanes.size === 0
  }

  /** Gives the delivery to the consumer, or keeps it for later: `false`. */
  admit(delivery: MemoryDelivery, key: string, consumer: MemoryConsumer): boolean {
    const lane = this.#laneOf(delivery, key)
    const { holder } = lane
    if ((holder !== undefined && holder !== consumer) || lane.delayed > 0 || (lane.waiting !== undefined && lane.waiting.size > 0)) {
      this.#wait(lane, delivery)
      return false
    }
    lane.holder = consumer
    lane.inHand++
    return true
  }

  /** The next waiting delivery that this consumer may have; keys take turns. */
  takeFor(consumer: MemoryConsumer): MemoryDelivery | undefined {
    if (this.#open === 0) return undefined
    const lane = first(consumer.openLanes) ?? first(this.#free)
    if (lane === undefined) return undefined
    this.#list(lane, undefined)
    lane.holder = consumer
    lane.inHand++
    const delivery = lane.waiting?.shift()
    this.#place(lane)
    return delivery
  }

  /** The consumer got the delivery while there was no other that could have taken its key. */
  adopt(delivery: MemoryDelivery, key: string, consumer: MemoryConsumer): void {
    const lane = this.#laneOf(delivery, key)
    lane.holder = consumer
    lane.inHand++
    this.#place(lane)
  }

  /** A delivery of the lane is no longer in hand. */
  release(lane: Lane): void {
    if (--lane.inHand > 0) return
    lane.holder = undefined
    lane.ownership = undefined
    this.#place(lane)
  }

  /** A delivery comes again, in its place among the others of its key. */
  comeAgain(delivery: MemoryDelivery, key: string): void {
    this.#wait(this.#laneOf(delivery, key), delivery)
  }

  /** Holds the key until `resume`. */
  hold(delivery: MemoryDelivery, key: string): void {
    const lane = this.#laneOf(delivery, key)
    lane.delayed++
    this.#place(lane)
  }

  resume(lane: Lane, delivery: MemoryDelivery): void {
    lane.delayed--
    this.#wait(lane, delivery)
  }

  #laneOf(delivery: MemoryDelivery, key: string): Lane {
    let lane = this.#lanes.get(key)
    if (lane === undefined) this.#lanes.set(key, (lane = new Lane(key)))
    delivery.lane = lane
    return lane
  }

  #wait(lane: Lane, delivery: MemoryDelivery): void {
    lane.waiting ??= new DeliveryList()
    lane.waiting.insert(delivery)
    this.#place(lane)
  }

  /** Lists the lane where it belongs after a change of it, or forgets it. */
  #place(lane: Lane): void {
    this.#list(lane, lane.open ? (lane.holder?.openLanes ?? this.#free) : undefined)
    if (lane.idle) this.#lanes.delete(lane.key)
  }

  #list(lane: Lane, place: Set<Lane> | undefined): void {
    const { listed } = lane
    if (listed === place) return
    if (listed === undefined) this.#open++
    else listed.delete(lane)
    if (place === undefined) this.#open--
    else place.add(lane)
    lane.listed = place
  }
}

function first(lanes: Set<Lane>): Lane | undefined {
  for (const lane of lanes) return lane
  return undefined
}
