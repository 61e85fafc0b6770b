import { TestBus, type TestBusOptions } from '@interline/testing'
import { getEventBusToken } from '../tokens.js'

/** The part of `TestingModuleBuilder` that is needed. */
export interface OverridableModule {
  overrideProvider(token: unknown): { useValue(value: unknown): unknown }
}

export interface TestingBusOptions extends Omit<TestBusOptions, 'handlers' | 'sagas'> {
  /** The name of the bus that it stands for. Default: the default one. */
  readonly bus?: string | undefined
}

/**
 * Puts a bus in memory with virtual time in the place of a bus of the application, whose handlers are subscribed on it by `init()`, and
 * which ends with the application. Before `compile()`.
 */
export function overrideEventBus(builder: OverridableModule, { bus, ...options }: TestingBusOptions = {}): TestBus {
  const test = new TestBus(options)
  builder.overrideProvider(getEventBusToken(bus)).useValue(test.bus)
  return test
}
