import { type IEventBus, type Subscription, topic } from 'interline'
import type { Notice } from './events.js'

/** A screen on a wall: it shows what it hears while it is on. */
export class Scoreboard {
  readonly #live: IEventBus
  readonly #shown: Notice[] = []
  #subscription: Subscription | undefined

  constructor(live: IEventBus) {
    this.#live = live
  }

  get shown(): readonly Notice[] {
    return this.#shown
  }

  async turnOn(): Promise<void> {
    const show = (notice: Notice): number => this.#shown.push(notice)
    this.#subscription ??= await this.#live.subscribe(topic<Notice>('notice.*'), show, { name: 'scoreboard', broadcast: true })
  }

  async turnOff(): Promise<void> {
    if (this.#subscription !== undefined) await this.#live.unsubscribe(this.#subscription)
    this.#subscription = undefined
  }
}
