import { Inject } from '@nestjs/common'
import type { IEventBus as Bus } from 'interline'

/** The bus as a type, and the token of the default one: `constructor(bus: IEventBus)` needs no `@Inject` where metadata is emitted. */
export interface IEventBus extends Bus {}
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: nobody makes one; a class is what compilers write down for a parameter
export abstract class IEventBus {}

/** What the default bus is also found by. */
export const eventBusName = 'EventBus'

/** The token of a bus: of the default one where no name is given. */
export function getEventBusToken(name?: string): string | typeof IEventBus {
  return name === undefined ? IEventBus : `${eventBusName}:${name}`
}

/** The token of the `BusMetrics` of a bus; `undefined` is found there where they are off. */
export function getBusMetricsToken(name?: string): string {
  return name === undefined ? 'BusMetrics' : `BusMetrics:${name}`
}

/** Injects a bus by its name, and the default one without. */
export function InjectEventBus(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getEventBusToken(name))
}
