import { type Awaitable, type ComponentHealth, type HealthReport, type IClock, type IEventBus, toError } from '@interline/core'

export interface ReportKeeperSettings {
  readonly checks: Readonly<Record<string, () => Awaitable<ComponentHealth>>>
  readonly timeoutMs: number
  readonly maxAgeMs: number
  readonly clock: IClock
}

type Checks = HealthReport['checks']

/** Asks a bus and the program's own checks how they are, once for all who ask at the same time or shortly after. */
export class ReportKeeper {
  readonly #bus: Pick<IEventBus, 'health'>
  readonly #settings: ReportKeeperSettings
  #kept: { readonly report: HealthReport; readonly at: number } | undefined
  #asking: Promise<HealthReport> | undefined

  constructor(bus: Pick<IEventBus, 'health'>, settings: ReportKeeperSettings) {
    this.#bus = bus
    this.#settings = settings
  }

  async report(): Promise<HealthReport> {
    const { clock, maxAgeMs } = this.#settings
    if (this.#kept !== undefined && clock.monotonic() - this.#kept.at < maxAgeMs) return this.#kept.report
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(): Promise<HealthReport> {
    const { clock, checks } = this.#settings
    const [bus, ...own] = await Promise.all([this.#askBus(), ...Object.keys(checks).map((name) => this.#check(name))])
    const all = Object.assign({}, bus, ...own) as Checks
    const statuses = new Set(Object.values(all).flatMap((list) => list.map(({ status }) => status)))
    const report: HealthReport = { status: statuses.has('fail') ? 'fail' : statuses.has('warn') ? 'warn' : 'pass', checks: all }
    this.#kept = { report, at: clock.monotonic() }
    return report
  }

  async #askBus(): Promise<Checks> {
    try {
      return (await this.#bus.health()).checks
    } catch (thrown) {
      return this.#named('bus:health', { status: 'fail', output: toError(thrown).message })
    }
  }

  async #check(name: string): Promise<Checks> {
    const { clock, checks, timeoutMs } = this.#settings
    let giveUp: () => void = () => undefined
    const late = new Promise<ComponentHealth>((resolve) => {
      giveUp = () => resolve({ status: 'fail', output: `There was no answer within ${timeoutMs} ms.` })
    })
    const timer = clock.setTimer(giveUp, timeoutMs, { background: true })
    const ask = async (): Promise<ComponentHealth> => (await checks[name]?.()) ?? { status: 'fail', output: 'The check says nothing.' }
    try {
      return this.#named(name, await Promise.race([ask(), late]))
    } catch (thrown) {
      return this.#named(name, { status: 'fail', output: toError(thrown).message })
    } finally {
      timer.cancel()
    }
  }

  #named(name: string, health: ComponentHealth): Checks {
    return { [name]: [{ ...health, time: new Date(this.#settings.clock.now()).toISOString() }] }
  }
}
