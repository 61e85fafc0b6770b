import type { MemoryDelivery } from './memory-delivery.js'

/** Deliveries in a chain through themselves, so that adding and removing one allocates nothing. A delivery is in one list at a time. */
export class DeliveryList {
  #first: MemoryDelivery | undefined
  #last: MemoryDelivery | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): MemoryDelivery | undefined {
    return this.#first
  }

  push(delivery: MemoryDelivery): void {
    const last = this.#last
    delivery.previous = last
    if (last === undefined) this.#first = delivery
    else last.next = delivery
    this.#last = delivery
    this.#size++
  }

  /** Puts it where its sequence belongs; looks from the end, as what comes back is mostly the newest of the list. */
  insert(delivery: MemoryDelivery): void {
    let before = this.#last
    while (before !== undefined && before.sequence > delivery.sequence) before = before.previous
    this.#link(delivery, before)
  }

  shift(): MemoryDelivery | undefined {
    const first = this.#first
    if (first !== undefined) this.remove(first)
    return first
  }

  remove(delivery: MemoryDelivery): void {
    const { previous, next } = delivery
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    delivery.previous = delivery.next = undefined
    this.#size--
  }

  #link(delivery: MemoryDelivery, before: MemoryDelivery | undefined): void {
    const after = before === undefined ? this.#first : before.next
    delivery.previous = before
    delivery.next = after
    if (before === undefined) this.#first = delivery
    else before.next = delivery
    if (after === undefined) this.#last = delivery
    else after.previous = delivery
    this.#size++
  }
}
