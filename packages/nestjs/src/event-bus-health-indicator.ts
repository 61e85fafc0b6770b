import type { ModuleRef } from '@nestjs/core'
import type { HealthReport } from 'interline'
import { getEventBusToken, type IEventBus } from './tokens.js'

/** A result of `@nestjs/terminus`, which is not needed for it. */
export type EventBusHealth<Key extends string = string> = Record<
  Key,
  { readonly status: 'up' | 'down'; readonly health: HealthReport['status']; readonly output?: Readonly<Record<string, string>> }
>

export interface EventBusHealthOptions {
  /** The name of the bus. Default: the default one. */
  readonly bus?: string | undefined
}

/** For Terminus: `health.check([() => events.isHealthy('events')])`. What only waits to be handled warns, which is up. */
export class EventBusHealthIndicator {
  readonly #modules: ModuleRef

  constructor(modules: ModuleRef) {
    this.#modules = modules
  }

  async isHealthy<const Key extends string>(key: Key, { bus }: EventBusHealthOptions = {}): Promise<EventBusHealth<Key>> {
    const found: IEventBus = this.#modules.get(getEventBusToken(bus), { strict: false })
    const { status, checks } = await found.health()
    const troubles = Object.entries(checks).flatMap(([name, measured]) =>
      measured.filter((each) => each.status !== 'pass').map(({ status: worse, output }) => [name, output ?? worse] as const),
    )
    const output = troubles.length === 0 ? {} : { output: Object.fromEntries(troubles) }
    return { [key]: { status: status === 'fail' ? 'down' : 'up', health: status, ...output } } as EventBusHealth<Key>
  }
}
