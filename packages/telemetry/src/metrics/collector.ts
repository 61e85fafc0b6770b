import { type Abortable, type Awaitable, type Gauge, type Timer, toError, type WatchedBus } from '@interline/core'

export interface CollectorSettings {
  readonly everyMs: number
  readonly gauges: Readonly<Record<string, (options: Abortable) => Awaitable<number>>>
}

export interface Collected {
  readonly gauges: readonly Gauge[]
  /** Of the program's own, by name. */
  readonly own: Readonly<Record<string, number>>
}

/** The longest that a gauge of the program may take. */
const ownLimitMs = 5_000
const nothing: Collected = { gauges: [], own: {} }

/** Asks for gauges from time to time, while a bus is open: a scrape reads what was found last, and waits for no server. */
export class Collector {
  readonly #settings: CollectorSettings
  readonly #buses = new Map<WatchedBus, Timer>()
  #latest: Collected = nothing
  #collecting: Promise<readonly Gauge[]> | undefined

  constructor(settings: CollectorSettings) {
    this.#settings = settings
  }

  get latest(): Collected {
    return this.#latest
  }

  start(bus: WatchedBus): void {
    this.#schedule(bus, 0)
  }

  stop(bus: WatchedBus): void {
    this.#buses.get(bus)?.cancel()
    this.#buses.delete(bus)
    if (this.#buses.size === 0) this.#latest = nothing
  }

  /** One at a time. */
  collect(): Promise<readonly Gauge[]> {
    return (this.#collecting ??= this.#collect().finally(() => {
      this.#collecting = undefined
    }))
  }

  #schedule(bus: WatchedBus, delayMs: number): void {
    this.#buses.get(bus)?.cancel()
    const again = (): void => {
      if (this.#buses.has(bus)) this.#schedule(bus, this.#settings.everyMs)
    }
    this.#buses.set(
      bus,
      bus.clock.setTimer(() => void this.collect().then(again, again), delayMs, { background: true }),
    )
  }

  async #collect(): Promise<readonly Gauge[]> {
    const found = await Promise.allSettled([...this.#buses.keys()].map((bus) => bus.gauges()))
    const own = await this.#own()
    const gauges = found.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
    // what closed meanwhile has nothing to say any more
    if (this.#buses.size > 0) this.#latest = { gauges, own }
    return gauges
  }

  async #own(): Promise<Readonly<Record<string, number>>> {
    const names = Object.keys(this.#settings.gauges)
    const [bus] = this.#buses.keys()
    if (names.length === 0 || bus === undefined) return {}
    const values = await Promise.all(names.map((name) => this.#read(name, bus)))
    return Object.fromEntries(names.flatMap((name, index) => (values[index] === undefined ? [] : [[name, values[index] as number]])))
  }

  /** `undefined` where it fails or takes too long: a gauge that can't be read is left out, and the others are not. */
  async #read(name: string, { clock }: WatchedBus): Promise<number | undefined> {
    const deadline = new AbortController()
    const late = new Promise<undefined>((resolve) => deadline.signal.addEventListener('abort', () => resolve(undefined), { once: true }))
    const timer = clock.setTimer(() => deadline.abort(toError(`"${name}" took longer than ${ownLimitMs} ms.`)), ownLimitMs)
    const read = async (): Promise<number | undefined> => {
      const value = await this.#settings.gauges[name]?.({ signal: deadline.signal })
      return typeof value === 'number' && !Number.isNaN(value) ? value : undefined
    }
    try {
      return await Promise.race([read().catch(() => undefined), late])
    } finally {
      timer.cancel()
    }
  }
}
