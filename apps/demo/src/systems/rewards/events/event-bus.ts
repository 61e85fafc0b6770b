import { EventBus, type IEventBus } from 'interline'

/**
 * All wallet events share a destination, so that those of one wallet keep their order whatever their types. Said to every bus, and to the
 * outbox, which may be given events before a bus is made with it.
 */
export const carriage = { service: 'rewards', destinations: () => 'wallet' } as const

let current: IEventBus | undefined

/** The bus of this process: the one that it was given, else one in memory. */
export function getEventBus(): IEventBus {
  current ??= new EventBus({
    ...carriage,
    enableDeduplication: true,
    deduplicationTtlMs: 3_600_000,
    maxRetryAttempts: 3,
    retryDelayMs: 1_000,
    asyncProcessing: true,
  })
  return current
}

/** From now on `getEventBus` answers this one; whoever made it closes it. */
export function useEventBus(bus: IEventBus | undefined): void {
  current = bus
}
